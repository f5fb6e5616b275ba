/*
 * test_ormap.c: the observed-remove map against a log of operations, with
 * values of several types, one level down too; what papers say can go wrong
 * in such maps; plain JSON.
 */
#include "crdt.h"
#include "recode.h"
#include "core/cart.h"
#include "core/counter.h"
#include "core/document.h"
#include "core/extremum.h"
#include "core/flag.h"
#include "core/json.h"
#include "core/lwwreg.h"
#include "core/gset.h"
#include "core/mvreg.h"
#include "core/orset.h"
#include "core/rwset.h"
#include "core/twopset.h"
#include "core/bcounter.h"
#include "core/ormap.h"
#include "core/plain.h"

/*
 * Operations.  Op.arg is the path: keys with a '/' between them.  Op.n is the
 * amount, number or value; of a removal, the tag of the type removed or 0.
 */
enum
{
	COUNT,						/* pncounter + n */
	WRITE,						/* lwwreg := n */
	REMOVE,
	SEE,						/* maxreg sees n */
	ENABLE,						/* ewflag */
	DISABLE,
	REMOVE_TYPE,
	KINDS
};

static const CvgCrdtOps *
type_of(int kind)
{
	switch (kind)
	{
		case COUNT:
			return &cvg_pncounter_ops;
		case WRITE:
			return &cvg_lwwreg_ops;
		case SEE:
			return &cvg_maxreg_ops;
		default:
			return &cvg_ewflag_ops;
	}
}

static CvgStatus
change(CvgSlice value, CvgDot dot, void *arg, CvgBuf *out)
{
	const Op   *op = arg;
	char		text[32];

	snprintf(text, sizeof(text), "%d", (int) op->n);
	switch (op->kind)
	{
		case COUNT:
			return cvg_counter_add(value, dot.replica, dot.stamp, op->n, out);
		case WRITE:
			return cvg_lwwreg_set(value, dot, cvg_slice_cstring(text), out);
		case SEE:
			return cvg_extremum_see_number(value, cvg_slice_cstring(text), out);
		default:
			return cvg_flag_set(value, dot, op->kind == ENABLE, out);
	}
}

static int
split_path(CvgSlice arg, CvgSlice *path)
{
	const uint8 *slash = memchr(arg.data, '/', arg.len);

	if (slash == NULL)
	{
		path[0] = arg;
		return 1;
	}
	path[0] = cvg_slice(arg.data, slash - arg.data);
	path[1] = cvg_slice(slash + 1, arg.data + arg.len - slash - 1);
	return 2;
}

static CvgStatus
apply(CvgSlice value, Op *op, CvgBuf *out)
{
	CvgSlice	path[2];
	int			n = split_path(op->arg, path);

	switch (op->kind)
	{
		case REMOVE:
			return cvg_map_remove(value, path, n, NULL, out);
		case REMOVE_TYPE:
			return cvg_map_remove(value, path, n, cvg_crdt_ops((uint8) op->n), out);
		default:
			return cvg_map_update(value, path, n, type_of(op->kind), op->dot, change, op, out);
	}
}

static const char *const paths[] = {"a", "b", "m", "m/a", "m/b"};
static const CvgCrdtOps *const leaves[] = {&cvg_pncounter_ops, &cvg_lwwreg_ops, &cvg_maxreg_ops, &cvg_ewflag_ops};

static CvgStatus
apply_random(CvgSlice value, Op *op, CvgBuf *out)
{
	op->arg = cvg_slice_cstring(paths[unit_below(lengthof(paths))]);
	op->n = op->kind == REMOVE_TYPE ? leaves[unit_below(lengthof(leaves))]->tag : 1 + unit_below(20);
	if (op->kind == REMOVE_TYPE && gen_chance(30))
		op->n = CVG_CRDT_ORMAP;
	if (op->kind == COUNT && gen_chance(40))
		op->n = -op->n;
	return apply(value, op, out);
}

/* One key, and operations that differ in nothing but their dot. */
static CvgStatus
apply_key(CvgSlice value, Op *op, CvgBuf *out)
{
	op->arg = cvg_slice_cstring("a");
	op->n = 1;
	return apply(value, op, out);
}

/* A nested key: count it, write it, remove it, remove the map around it. */
static CvgStatus
apply_nested(CvgSlice value, Op *op, CvgBuf *out)
{
	op->arg = cvg_slice_cstring(op->kind == 3 ? "m" : "m/a");
	op->n = 1;
	if (op->kind == 3)
		op->kind = REMOVE;
	return apply(value, op, out);
}

static bool
is_update(const Op *op)
{
	return op->kind != REMOVE && op->kind != REMOVE_TYPE;
}

/* Is path the one of arg, or a map on the way to it? */
static bool
leads_to(const char *path, CvgSlice arg)
{
	size_t		len = strlen(path);

	return arg.len >= len && memcmp(path, arg.data, len) == 0 && (arg.len == len || arg.data[len] == '/');
}

/* Does removal r take away what update u did at u's path, or above? */
static bool
removes(const Op *r, const Op *u, const char *path)
{
	char		removed[16];
	const CvgCrdtOps *type;

	snprintf(removed, sizeof(removed), "%.*s", (int) r->arg.len, (const char *) r->arg.data);
	if (is_update(r) || !leads_to(removed, cvg_slice_cstring(path)))
		return false;
	type = leads_to(removed, u->arg) && strlen(removed) == u->arg.len ? type_of(u->kind) : &cvg_ormap_ops;
	return r->kind == REMOVE || r->n == type->tag;
}

/* Is update u, as far as path goes, still there? */
static bool
stands(const World *w, const OpSet *ops, int u, const char *path)
{
	int			r;

	for (r = u + 1; r < w->nops; r++)
	{
		if (opset_has(ops, r) && opset_has(&w->log[r].seen, u) && removes(&w->log[r], &w->log[u], path))
			return false;
	}
	return true;
}

/* What a maxreg saw, as its writer knew it. */
static int64
seen_max(const World *w, int u)
{
	int64		n = w->log[u].n;
	int			v;

	for (v = 0; v < u; v++)
	{
		const Op   *op = &w->log[v];
		char		path[16];

		snprintf(path, sizeof(path), "%.*s", (int) op->arg.len, (const char *) op->arg.data);
		if (op->kind == SEE && same(op->arg, w->log[u].arg) && opset_has(&w->log[u].seen, v) &&
			stands(w, &w->log[u].seen, v, path))
			n = Max(n, seen_max(w, v));
	}
	return n;
}

/* The value of a type at a path: how it reads, and its largest dot. */
static bool
model_value(const World *w, const OpSet *ops, const char *path, const CvgCrdtOps *type, char *text, size_t size,
			CvgDot *last)
{
	bool		found = false;
	bool		enabled = false;
	int64		sum = 0;
	int64		max = 0;
	const Op   *written = NULL;
	int			u;

	for (u = 0; u < w->nops; u++)
	{
		const Op   *op = &w->log[u];
		int			r;
		bool		disabled = false;

		if (!opset_has(ops, u) || !is_update(op) || !leads_to(path, op->arg) || !stands(w, ops, u, path))
			continue;
		if ((op->arg.len == strlen(path) ? type_of(op->kind) : &cvg_ormap_ops) != type)
			continue;
		if (!found || cvg_dot_cmp(op->dot.stamp, op->dot.replica, last->stamp, last->replica) > 0)
		{
			*last = op->dot;
			written = op;
		}
		found = true;
		sum += op->n;
		if (op->kind == SEE)
			max = Max(max, seen_max(w, u));
		for (r = u + 1; r < w->nops; r++)
			if (opset_has(ops, r) && w->log[r].kind == DISABLE && same(w->log[r].arg, op->arg) &&
				opset_has(&w->log[r].seen, u))
				disabled = true;
		if (op->kind == ENABLE && !disabled)
			enabled = true;
	}
	if (type == &cvg_ewflag_ops)
		snprintf(text, size, "%s", enabled ? "true" : "false");
	else if (found)
		snprintf(text, size, "%d", (int) (type == &cvg_lwwreg_ops ? written->n : type == &cvg_maxreg_ops ? max : sum));
	return found;
}

static const char *
plain(CvgSlice value)
{
	CvgBuf		buf;

	cvg_buf_init(&buf);
	cvg_crdt_print_plain(value, &buf);
	cvg_put_u8(&buf, 0);
	return (const char *) gen_take(&buf).data;
}

/* Every type at one path, and which of them is seen. */
static bool
is_model_at(CvgSlice map, const World *w, const OpSet *ops, const char *path)
{
	CvgSlice	keys[2];
	int			n = split_path(cvg_slice_cstring(path), keys);
	const CvgCrdtOps *winner = NULL;
	CvgDot		winner_dot = {{NULL, 0}, 0};
	CvgMapEntry e;
	int			i;

	for (i = 0; i <= lengthof(leaves); i++)
	{
		const CvgCrdtOps *type = i < lengthof(leaves) ? leaves[i] : &cvg_ormap_ops;
		CvgDot		last = {{NULL, 0}, 0};
		char		text[32];
		CvgBuf		scratch;
		bool		reads;
		bool		found = model_value(w, ops, path, type, text, sizeof(text), &last);

		if (cvg_map_find(map, keys, n, type, &e) != found)
			return false;
		if (!found)
			continue;
		if (cvg_dot_id_cmp(last, e.last) != 0)
			return false;
		if (winner == NULL || cvg_dot_cmp(last.stamp, last.replica, winner_dot.stamp, winner_dot.replica) > 0)
		{
			winner = type;
			winner_dot = last;
		}
		if (type == &cvg_ormap_ops)
			continue;
		cvg_buf_init(&scratch);
		reads = strcmp(plain(cvg_map_entry_value(&e, &scratch)), text) == 0;
		cvg_buf_free(&scratch);
		if (!reads)
			return false;
	}
	if (n > 1)
		return true;			/* what is seen depends on the map around it */
	return cvg_map_find(map, keys, n, NULL, &e) ? e.ops == winner : winner == NULL;
}

static bool
is_model(CvgSlice value, const World *w, const OpSet *ops)
{
	int			i;

	for (i = 0; i < lengthof(paths); i++)
	{
		if (!is_model_at(value, w, ops, paths[i]))
			return false;
	}
	return true;
}

static const CrdtType random_map = {&cvg_ormap_ops, KINDS, apply_random, is_model};
static const CrdtType one_key = {&cvg_ormap_ops, 4, apply_key, is_model};
static const CrdtType nested_key = {&cvg_ormap_ops, 4, apply_nested, is_model};

/* Shorthands for the stories below. */
static CvgStamp story_stamp;

static CvgSlice
story(CvgSlice map, const char *replica, int kind, const char *path, int64 n)
{
	Op			op = {{cvg_slice_cstring(replica), ++story_stamp}, kind, n, cvg_slice_cstring(path)};
	CvgBuf		buf;

	cvg_buf_init(&buf);
	CHECK(apply(map, &op, &buf) == CVG_OK, "%s %d", path, kind);
	return gen_take(&buf);
}

static CvgSlice
empty_map(void)
{
	return crdt_bottom(&cvg_ormap_ops);
}

static void
check_plain(CvgSlice map, const char *json)
{
	CHECK(strcmp(plain(map), json) == 0, "%s, not %s: %s", plain(map), json, crdt_text(map));
}

/*
 * Bieniusa et al. 2012, section 3: of an add and a concurrent remove of the
 * same element the add wins, without a tombstone for what was removed.
 */
static void
test_re_added(void)
{
	CvgSlice	a = story(empty_map(), "a", WRITE, "k", 1);
	CvgSlice	b = story(a, "b", WRITE, "k", 2);
	CvgSlice	removed = story(a, "a", REMOVE, "k", 0);

	check_plain(removed, "{}");
	check_plain(crdt_merge(removed, b), "{\"k\": 2}");
	check_plain(crdt_merge(removed, a), "{}");
	CHECK(strcmp(crdt_text(removed), "{} seen {a 1}") == 0, "%s", crdt_text(removed));
	/* removed by one who has seen both, and written again */
	removed = story(crdt_merge(removed, b), "c", REMOVE, "k", 0);
	check_plain(crdt_merge(removed, b), "{}");
	check_plain(crdt_merge(story(removed, "c", COUNT, "k", 3), b), "{\"k\": 3}");
	gen_reset();
}

/*
 * Baquero, Almeida, Lerche 2016: a counter in a map whose key is removed
 * while it is counted up.  With the contribution of a replica kept under one
 * dot, all of it survives; with the removal written as a subtraction,
 * two of them count twice.
 */
static void
test_embedded_counter(void)
{
	CvgSlice	a = story(empty_map(), "a", COUNT, "n", 10);
	CvgSlice	b = story(a, "b", REMOVE, "n", 0);
	CvgSlice	c = story(a, "c", REMOVE, "n", 0);

	a = story(a, "a", COUNT, "n", 1);
	check_plain(crdt_merge(a, b), "{\"n\": 1}");
	check_plain(crdt_merge(crdt_merge(a, b), c), "{\"n\": 1}");
	check_plain(crdt_merge(b, c), "{}");
	/* counted again by those who removed it: from zero */
	b = story(b, "b", COUNT, "n", 5);
	c = story(c, "c", COUNT, "n", 7);
	check_plain(crdt_merge(b, c), "{\"n\": 12}");
	check_plain(crdt_merge(crdt_merge(b, c), a), "{\"n\": 13}");
	gen_reset();
}

/* More than is remembered one by one, on either side of a removal. */
static void
test_many_counts(void)
{
	CvgSlice	a = empty_map();
	CvgSlice	b;
	int			i;

	for (i = 0; i < 100; i++)
		a = story(a, "a", COUNT, "n", 1);
	b = story(a, "b", REMOVE, "n", 0);
	for (i = 0; i < 100; i++)
		a = story(a, "a", COUNT, "n", 1);
	check_plain(crdt_merge(a, b), "{\"n\": 100}");
	b = story(crdt_merge(a, b), "b", REMOVE, "n", 0);
	for (i = 0; i < 50; i++)
		b = story(b, "b", COUNT, "n", 1);
	check_plain(crdt_merge(a, b), "{\"n\": 50}");
	gen_reset();
}

/*
 * Riak's maps (Brown et al. 2014): a map that is removed while a field of it
 * is written comes back with that field and nothing of what was removed.
 */
static void
test_removed_map(void)
{
	CvgSlice	a = story(story(empty_map(), "a", WRITE, "p/name", 1), "a", COUNT, "p/visits", 4);
	CvgSlice	b = story(a, "b", REMOVE, "p", 0);

	check_plain(a, "{\"p\": {\"name\": 1, \"visits\": 4}}");
	check_plain(crdt_merge(b, story(a, "a", WRITE, "p/mail", 2)), "{\"p\": {\"mail\": 2}}");
	check_plain(crdt_merge(b, story(a, "a", COUNT, "p/visits", 1)), "{\"p\": {\"visits\": 1}}");
	check_plain(story(b, "b", WRITE, "p/name", 3), "{\"p\": {\"name\": 3}}");
	/* removing a field is no update of the map */
	check_plain(crdt_merge(b, story(a, "a", REMOVE, "p/name", 0)), "{}");
	check_plain(story(a, "a", REMOVE, "p/name", 0), "{\"p\": {\"visits\": 4}}");
	gen_reset();
}

/*
 * Kleppmann, Beresford 2017, figure 5: one key written as different types.
 * Both are kept; the last one written is seen.
 */
static void
test_type_conflict(void)
{
	CvgSlice	a = story(empty_map(), "a", COUNT, "k", 1);
	CvgSlice	b = story(empty_map(), "b", WRITE, "k/x", 2);
	CvgSlice	m = crdt_merge(a, b);
	Op			op = {{cvg_slice_cstring("a"), 1000000}, SEE, 5, cvg_slice_cstring("k")};
	CvgBuf		buf;

	check_plain(m, "{\"k\": {\"x\": 2}}");
	check_plain(story(m, "a", REMOVE_TYPE, "k", CVG_CRDT_ORMAP), "{\"k\": 1}");
	check_plain(story(m, "a", COUNT, "k", 1), "{\"k\": 2}");
	check_plain(story(m, "a", REMOVE, "k", 0), "{}");
	cvg_buf_init(&buf);
	CHECK(apply(m, &op, &buf) == CVG_E_DUPLICATE, "no third type");
	op.kind = COUNT;
	op.dot.stamp = 1;
	CHECK(apply(m, &op, &buf) == CVG_E_FORBIDDEN, "not an old dot");
	op.arg = cvg_slice_cstring("j");
	CHECK(apply(m, &op, &buf) == CVG_E_FORBIDDEN, "for a new key either");
	op.arg = cvg_slice_cstring("k");
	op.dot.stamp = 1000000;
	op.dot.replica = cvg_slice_cstring("?");
	CHECK(apply(m, &op, &buf) == CVG_E_BAD_ID);
	CHECK(buf.len == 0);
	cvg_buf_free(&buf);
	gen_reset();
}

/* A delta of one key among many is small; so is what churning leaves. */
static void
test_size(void)
{
	CvgBuf		text;
	CvgSlice	map;
	CvgSlice	d;
	CvgError	err;
	int			i;

	cvg_buf_init(&text);
	for (i = 0; i < 10000; i++)
	{
		char		entry[100];

		snprintf(entry, sizeof(entry), "%s\"key%05d\": pncounter 1 {london 1@%d} at [london@%d]", i ? ", " : "{", i,
				 1000 + i, 1000 + i);
		cvg_print_string(&text, entry);
	}
	cvg_print_string(&text, "}");
	cvg_put_u8(&text, 0);
	map = crdt_parse(&cvg_ormap_ops, (const char *) text.data, &err);
	CHECK(map.len > 0, "%s at %zu", cvg_status_message(err.status), err.offset);
	cvg_buf_free(&text);
	story_stamp = 1000000;
	d = crdt_delta(map, story(map, "london", COUNT, "key05000", 1));
	CHECK(d.len < 60, "%zu bytes", d.len);
	d = crdt_delta(map, story(map, "london", REMOVE, "key05000", 0));
	CHECK(d.len < 60, "%zu bytes", d.len);
	d = crdt_delta(map, story(map, "london", WRITE, "a new one", 5));
	CHECK(d.len < 60, "%zu bytes", d.len);

	/* a thousand keys come and go */
	map = empty_map();
	for (i = 0; i < 1000; i++)
	{
		char		key[16];

		snprintf(key, sizeof(key), "key%d", i);
		map = story(story(map, "london", WRITE, key, i), "london", REMOVE, key, 0);
	}
	CHECK(map.len < 200, "%zu bytes", map.len);
	gen_reset();
}

static CvgSlice
deep_map(int depth)
{
	CvgSlice	path[CVG_MAP_MAX_DEPTH + 2];
	Op			op = {{cvg_slice_cstring("a"), ++story_stamp}, WRITE, 1};
	CvgBuf		buf;
	int			i;

	for (i = 0; i < depth; i++)
		path[i] = cvg_slice_cstring("k");
	cvg_buf_init(&buf);
	if (cvg_map_update(empty_map(), path, depth, &cvg_lwwreg_ops, op.dot, change, &op, &buf) != CVG_OK)
		CHECK(buf.len == 0);
	return gen_take(&buf);
}

static CvgStatus
put_map(CvgSlice value, CvgDot dot, void *arg, CvgBuf *out)
{
	return cvg_crdt_merge(value, *(CvgSlice *) arg, out);
}

static void
test_limits(void)
{
	CvgSlice	deepest = deep_map(CVG_MAP_MAX_DEPTH);
	CvgSlice	almost = deep_map(CVG_MAP_MAX_DEPTH - 1);
	CvgSlice	key = gen_text(CVG_MAP_MAX_KEY + 1);
	CvgDot		dot = {cvg_slice_cstring("a"), 1000};
	Op			op = {{cvg_slice_cstring("a"), 1000}, WRITE, 1};
	CvgBuf		buf;
	CvgBuf		text;
	CvgError	err;
	int			i;

	CHECK(cvg_map_depth(deepest) == CVG_MAP_MAX_DEPTH);
	check_codec(&random_map, deepest);
	CHECK(deep_map(CVG_MAP_MAX_DEPTH + 1).len == 0);
	cvg_buf_init(&buf);
	CHECK(cvg_map_update(empty_map(), &key, 1, &cvg_ormap_ops, dot, put_map, &almost, &buf) == CVG_E_LIMIT, "key");
	key.len--;
	CHECK(cvg_map_update(empty_map(), &key, 1, &cvg_ormap_ops, dot, put_map, &deepest, &buf) == CVG_E_LIMIT, "depth");
	CHECK(cvg_map_update(empty_map(), &key, 1, &cvg_ormap_ops, dot, put_map, &almost, &buf) == CVG_OK);
	CHECK(cvg_map_depth(cvg_buf_slice(&buf)) == CVG_MAP_MAX_DEPTH);
	check_codec(&random_map, cvg_buf_slice(&buf));
	key.len = 0;
	cvg_buf_reset(&buf);
	CHECK(cvg_map_update(empty_map(), &key, 1, &cvg_lwwreg_ops, dot, change, &op, &buf) == CVG_OK, "no characters");
	check_plain(cvg_buf_slice(&buf), "{\"\": 1}");
	check_codec(&random_map, cvg_buf_slice(&buf));
	key = cvg_slice("a\0b", 3);
	cvg_buf_reset(&buf);
	CHECK(cvg_map_update(empty_map(), &key, 1, &cvg_lwwreg_ops, dot, change, &op, &buf) == CVG_E_LIMIT);
	cvg_buf_free(&buf);

	/* a text as deep as it likes */
	cvg_buf_init(&text);
	for (i = 0; i < 100000; i++)
		cvg_print_string(&text, "{\"k\": ormap ");
	cvg_put_u8(&text, 0);
	CHECK(crdt_parse(&cvg_ormap_ops, (const char *) text.data, &err).len == 0 && err.status == CVG_E_LIMIT);
	cvg_buf_free(&text);
	gen_reset();
}

/*
 * A context with too many ranges is written shorter by whatever update comes
 * next, and never across a live dot.
 */
static void
test_long_context(void)
{
	static const struct
	{
		int			kind;
		const char *path;
	}			updates[] = {
		{REMOVE, "p/x"}, {REMOVE, "q"}, {WRITE, "p/y"}, {WRITE, "q"}
	};
	CvgBuf		text;
	CvgSlice	m;
	CvgError	err;
	int			i;

	cvg_buf_init(&text);
	cvg_print_string(&text, "{\"p\": ormap {\"x\": lwwreg [a@50 1 at a@50]} at [a@51], \"q\": lwwreg [a@55 1 at a@55]} seen {a 49");
	for (i = 0; i < 50; i++)
	{
		cvg_put_u8(&text, ' ');
		cvg_print_int64(&text, i == 0 ? 53 : 55 + 2 * i);
	}
	cvg_print_string(&text, "}");
	cvg_put_u8(&text, 0);
	m = crdt_parse(&cvg_ormap_ops, (const char *) text.data, &err);
	CHECK(m.len > 0, "%s at %zu", cvg_status_message(err.status), err.offset);
	cvg_buf_free(&text);
	story_stamp = 1000;
	for (i = 0; i < lengthof(updates); i++)
	{
		CvgSlice	updated = story(m, "a", updates[i].kind, updates[i].path, 1);

		check_codec(&random_map, updated);
		CHECK(updates[i].kind != REMOVE || updated.len < m.len, "%s: %zu, %zu", updates[i].path, updated.len, m.len);
	}
	gen_reset();
}

/* The largest stamp may be inside a value that came from elsewhere. */
static void
test_latest(void)
{
	static const char *const texts[] = {"{\"a\": pncounter 1 {a 1@90} at [a@5]}", "{\"a\": lwwreg [a@90 1 at a@5]}",
		"{\"a\": lwwreg [a@5 1 at a@90]}", "{} seen {b 1-90}", "{\"a\": ormap {\"b\": mvreg [] seen {b 90}} at [a@5]}",
	"{\"a\": pncounter 0 {a reset 1@90 1@90!}}"};
	CvgError	err;
	int			i;

	for (i = 0; i < lengthof(texts); i++)
	{
		CvgSlice	m = crdt_parse(&cvg_ormap_ops, texts[i], &err);

		CHECK(m.len > 0 && cvg_crdt_latest(m) == 90, "%s", texts[i]);
	}
	gen_reset();
}

/* Bytes that are as deep as they like. */
static void
test_deep_bytes(void)
{
	CvgSlice	inner = empty_map();
	CvgError	err;
	int			i;

	for (i = 1; i <= CVG_MAP_MAX_DEPTH + 1; i++)
	{
		CvgBuf		buf;

		CHECK((cvg_crdt_validate(NULL, inner, &err) == CVG_OK) == (i <= CVG_MAP_MAX_DEPTH), "depth %d", i);
		CHECK(i <= CVG_MAP_MAX_DEPTH || err.status == CVG_E_LIMIT);
		cvg_buf_init(&buf);
		cvg_crdt_put_header(&cvg_ormap_ops, &buf);
		cvg_put_bytes(&buf, "\0\1k", 3);
		cvg_put_u8(&buf, CVG_CRDT_ORMAP);
		cvg_put_bytes(&buf, "\1\1a\1", 4);
		cvg_put_slice(&buf, inner);
		inner = gen_take(&buf);
	}
	gen_reset();
}

static void
test_text(void)
{
	static const char *const good[] = {"{}", " { \"a\" : lwwreg [ a@5 {\"x\": [1, \"]\"]} at a@5 , b@6 null at b@7 ] } ",
		"{\"\\u0041\\n\\\"\\/\": pncounter 3 {a 3@7} at [a@7]}", "{\"a\": ewflag true [a@5] at [a@5]} seen {a 1-4}",
		"{\"a\": pncounter 0 {a reset 5@7 5@7!}}", "{\"a\": maxreg [2024-02-29T12:00:00Z at a@5]}",
		"{\"a\": gcounter 1 {a 1@2} at [a@2], \"a\": lwwreg [b@1 1 at b@1], \"b\": ormap {\"c\": mvreg [a@5 1] at [a@5]} at [a@5]}",
		"{\"c\": cart {\"x\": 2 {a 2@5} at [a@5]} at [a@5]}", "{\"c\": ormap {} at [a@3]}",
	};
	static const char *const bad[] = {"", "{", "}", "{a: lwwreg [a@5 1 at a@5]}", "{\"a\"}", "{\"a\": 5}", "{\"a\": nothing 5}",
		"{\"a\": lwwreg []}", "{\"a\": lwwreg a@5 1 at [a@5]}", "{\"a\": pncounter 3 {a 3@7} at []}", "{\"a\": pncounter 0 {}}",
		"{\"a\": pncounter 3 {a 3@7} at [a@7]} seen {a 7}", "{\"a\": pncounter 3 {a 3@7} at [a@7, a@7]}",
		"{\"a\": pncounter 3 {a 3@7} at [b@7, a@7]}", "{\"b\": ormap {} at [a@3], \"a\": ormap {} at [a@4]}",
		"{\"a\": ormap {} at [a@3], \"a\": ormap {} at [a@4]}", "{\"a\": lwwreg [a@5 1 at a@5], \"a\": gcounter 1 {a 1@2} at [a@2]}",
		"{\"a\\u0000\": ormap {} at [a@3]}", "{\"\\u00e9\": ormap {} at [a@3]}", "{\"a\\q\": ormap {} at [a@3]}",
		"{\"a\n\": ormap {} at [a@3]}", "{\"a: ormap {} at [a@3]}", "{\"a\": ormap {} at [a@3]} x", "{\"a\": ormap {} at [a@3],}",
		"{\"a\": cart {\"x\": lwwreg [a@5 1 at a@5]} at [a@5]}", "{\"a\": ormap {}}", "{\"\\u00\": ormap {} at [a@3]}",
	};
	CvgError	err;
	int			i;

	for (i = 0; i < lengthof(good); i++)
	{
		CvgSlice	v = crdt_parse(&cvg_ormap_ops, good[i], &err);

		CHECK(v.len > 0, "%s: %s at %zu", good[i], cvg_status_message(err.status), err.offset);
		if (v.len > 0)
			check_codec(&random_map, v);
	}
	for (i = 0; i < lengthof(bad); i++)
		CHECK(crdt_parse(&cvg_ormap_ops, bad[i], &err).len == 0, "%s", bad[i]);
	gen_reset();
}

/* How the types read. */
static void
test_plain(void)
{
	static const struct
	{
		const char *type;
		const char *text;
		const char *json;
	}			values[] = {
		{"gcounter", "8 {a 5@1 3@4}", "8"}, {"pncounter", "-2 {a -5@1 3@4}", "-2"}, {"bcounter", "2 >= 0 {a +2@5}", "2"},
		{"maxreg", "-12.50", "-12.5"}, {"minreg", "Infinity", "\"Infinity\""}, {"maxreg", "NaN", "\"NaN\""},
		{"maxreg", "empty", "null"}, {"minreg", "2024-02-29T12:00:00Z", "\"2024-02-29T12:00:00Z\""},
		{"maxreg", "-Infinity", "\"-Infinity\""}, {"lwwreg", "unset", "null"}, {"lwwreg", "a@5 {\"a\": 1}", "{\"a\": 1}"},
		{"mvreg", "[a@5 1, b@3 2]", "1"}, {"mvreg", "[]", "null"}, {"ewflag", "true [a@5]", "true"}, {"dwflag", "false []", "false"},
		{"cart", "{\"x\": 2 {a 2@5} at [a@5], \"y\": -1 {a -1@6} at [a@6], \"z\": 0 {a reset 1@7 1@7!}}", "{\"x\": 2}"},
		{"ormap", "{\"q\\\"\\u0001\": lwwreg [a@5 \"x\" at a@5], \"b\": mvreg [] seen {a 3}}", "{}"},
		{"ormap", "{\"b\": mvreg [] seen {a 3}, \"q\\\"\\u0001\": lwwreg [a@5 \"x\" at a@5, b@6 2 at b@6]}", "{\"q\\\"\\u0001\": 2}"},
	};
	CvgError	err;
	int			i;

	for (i = 0; i < lengthof(values); i++)
	{
		CvgSlice	v = crdt_parse(cvg_crdt_ops_by_name(cvg_slice_cstring(values[i].type)), values[i].text, &err);

		if (strcmp(values[i].json, "{}") == 0)
			CHECK(v.len == 0, "not in order");
		else if (v.len > 0)
			CHECK(strcmp(plain(v), values[i].json) == 0, "%s: %s", values[i].text, plain(v));
		else
			CHECK(false, "%s: %s at %zu", values[i].text, cvg_status_message(err.status), err.offset);
	}
	gen_reset();
}

/* JSON assigned to a map. */
static CvgSlice
assigned(CvgSlice map, const char *json)
{
	CvgDotSupply dummies = {gen_next_dots, 0};
	CvgDotSupply dots = {gen_next_dots, Max(story_stamp, cvg_crdt_latest(map))};
	CvgBuf		plain_map;
	CvgBuf		buf;

	cvg_buf_init(&plain_map);
	cvg_buf_init(&buf);
	CHECK(cvg_crdt_from_json(&cvg_ormap_ops, cvg_slice_cstring(json), &dummies, &plain_map) == CVG_OK, "%s", json);
	CHECK(cvg_crdt_assign(map, cvg_buf_slice(&plain_map), true, &dots, &buf) == CVG_OK, "%s", json);
	story_stamp = dots.after;
	cvg_buf_free(&plain_map);
	return gen_take(&buf);
}

static void
test_assign(void)
{
	CvgSlice	m = story(story(story(story(empty_map(), "a", COUNT, "n", 10), "a", WRITE, "w", 1), "a", ENABLE, "e", 0),
					  "a", WRITE, "p/x", 1);
	CvgSlice	other = story(story(story(m, "b", COUNT, "n", 5), "b", WRITE, "p/y", 2), "b", WRITE, "new", 3);
	CvgSlice	key;
	CvgMapEntry e;
	CvgError	err;

	/* what reads so is not touched */
	CHECK(same(assigned(m, "{\"w\": 1, \"e\": true, \"n\": 10, \"p\": {\"x\": 1}}"), m));
	/* a number in a counter is a difference, in a register a write; what others did meanwhile stays */
	m = assigned(m, "{\"w\": 2, \"e\": false, \"n\": 7.0, \"p\": {}}");
	check_plain(m, "{\"e\": false, \"n\": 7, \"p\": {}, \"w\": 2}");
	check_plain(crdt_merge(m, other), "{\"e\": false, \"n\": 12, \"new\": 3, \"p\": {\"y\": 2}, \"w\": 2}");
	/* removed keys come back with what was not seen */
	check_plain(crdt_merge(assigned(m, "{}"), other), "{\"n\": 5, \"new\": 3, \"p\": {\"y\": 2}}");
	/* another type: removed and written anew, and an object is a map */
	check_plain(assigned(m, "{\"w\": {\"q\": [1]}, \"e\": 5, \"n\": \"x\", \"p\": null}"),
				"{\"e\": 5, \"n\": \"x\", \"p\": null, \"w\": {\"q\": [1]}}");
	check_plain(crdt_merge(assigned(m, "{\"n\": \"x\"}"), other), "{\"n\": \"x\", \"new\": 3, \"p\": {\"y\": 2}}");
	check_plain(assigned(assigned(m, "{\"n\": \"x\"}"), "{\"n\": 5}"), "{\"n\": 5}");
	other = assigned(m, "{\"n\": \"x\"}");
	key = cvg_slice_cstring("n");
	CHECK(cvg_map_find(m, &key, 1, &cvg_pncounter_ops, &e) && !cvg_map_find(other, &key, 1, &cvg_pncounter_ops, &e),
		  "and is not there under the other");
	/* sets and largest values */
	m = crdt_parse(&cvg_ormap_ops, "{\"high\": maxreg [5 at a@5], \"s\": orset {x a@6, y a@7} at [a@7]}", &err);
	CHECK(m.len > 0);
	m = assigned(m, "{\"high\": 7.5, \"s\": [\"z\", \"x\"]}");
	check_plain(m, "{\"high\": 7.5, \"s\": [\"x\", \"z\"]}");
	check_plain(assigned(m, "{\"high\": 7, \"s\": [\"x\", 1]}"), "{\"high\": 7.5, \"s\": [\"x\", 1]}");
	/* a text is edited, not replaced */
	m = crdt_parse(&cvg_ormap_ops, "{\"d\": document document \"one two\" {a@5 start \"one two\"} at [a@5]}", &err);
	CHECK(m.len > 0, "%s at %zu", cvg_status_message(err.status), err.offset);
	check_plain(crdt_merge(assigned(m, "{\"d\": \"one, two\"}"), assigned(m, "{\"d\": \"one two three\"}")),
				"{\"d\": \"one, two three\"}");
	gen_reset();
}

/* Whatever two maps are: one assigned the other's JSON reads so. */
static void
test_assign_random(int cases)
{
	static const CrdtType simple = {&cvg_ormap_ops, 3, apply_random, is_model};
	static World w;
	int			n;

	for (n = 0; n < cases; n++)
	{
		CvgSlice	a;
		CvgSlice	b;

		unit_start(unit_env_seed() + n);
		world_run(&w, &simple, 1 + unit_below(20), n % 2 == 1);
		a = w.states[unit_below(MAX_STATES)].value;
		b = w.states[unit_below(MAX_STATES)].value;
		story_stamp = w.now;
		check_plain(assigned(a, plain(b)), plain(b));
		gen_reset();
	}
}

/* How a map was made is forgotten by the first operation on it. */
static void
test_plain_flag(void)
{
	CvgDotSupply dots = {gen_next_dots, 0};
	CvgBuf		buf;
	CvgSlice	m;

	cvg_buf_init(&buf);
	CHECK(cvg_crdt_parse_plain(&cvg_ormap_ops, cvg_slice_cstring(" {\"a\": 1} "), &dots, &buf, NULL) == CVG_OK);
	m = gen_take(&buf);
	story_stamp = dots.after;
	CHECK(cvg_crdt_is_plain(m));
	CHECK(cvg_crdt_validate(NULL, m, NULL) == CVG_OK);
	CHECK(!cvg_crdt_is_plain(story(m, "a", WRITE, "b", 1)) && !cvg_crdt_is_plain(story(m, "a", REMOVE, "b", 1)) &&
		  !cvg_crdt_is_plain(story(m, "a", REMOVE, "a", 1)) && !cvg_crdt_is_plain(crdt_merge(m, m)));
	gen_reset();
}

static void
test_from_json(void)
{
	static const struct
	{
		const CvgCrdtOps *ops;
		const char *json;
		CvgStatus	status;
	}			values[] = {
		{&cvg_pncounter_ops, "-5", CVG_OK}, {&cvg_pncounter_ops, "5.5", CVG_E_MALFORMED}, {&cvg_pncounter_ops, "\"5\"", CVG_E_MALFORMED},
		{&cvg_gcounter_ops, "5", CVG_OK}, {&cvg_gcounter_ops, "-5", CVG_E_MALFORMED}, {&cvg_bcounter_ops, "-5", CVG_OK},
		{&cvg_pncounter_ops, "9223372036854775808", CVG_E_MALFORMED},
		{&cvg_maxreg_ops, "1.5", CVG_OK}, {&cvg_minreg_ops, "\"2024-02-29T12:00:00Z\"", CVG_OK}, {&cvg_maxreg_ops, "\"x\"", CVG_E_MALFORMED},
		{&cvg_maxreg_ops, "null", CVG_E_MALFORMED}, {&cvg_lwwreg_ops, "{\"a\": 1}", CVG_OK}, {&cvg_mvreg_ops, "null", CVG_OK},
		{&cvg_ewflag_ops, "true", CVG_OK}, {&cvg_dwflag_ops, "false", CVG_OK}, {&cvg_ewflag_ops, "1", CVG_E_MALFORMED},
		{&cvg_orset_ops, "[\"a\", \"b, c\"]", CVG_OK}, {&cvg_gset_ops, "[]", CVG_OK}, {&cvg_rwset_ops, "[\"a\"]", CVG_OK},
		{&cvg_twopset_ops, "[\"a\"]", CVG_OK}, {&cvg_orset_ops, "[1]", CVG_E_MALFORMED}, {&cvg_orset_ops, "{}", CVG_E_MALFORMED},
		{&cvg_ormap_ops, "{\"\": {\"b\": [1, {}]}, \"a\": 1}", CVG_OK}, {&cvg_ormap_ops, "[]", CVG_E_MALFORMED},
		{&cvg_ormap_ops, "{\"a\": 1, \"a\": 2}", CVG_E_DUPLICATE}, {&cvg_ormap_ops, "{\"a\"}", CVG_E_SYNTAX},
		{&cvg_cart_ops, "{\"a\": 1, \"b\": 20}", CVG_OK}, {&cvg_cart_ops, "{\"a\": -1}", CVG_E_MALFORMED},
		{&cvg_cart_ops, "{\"a\": 1.5}", CVG_E_MALFORMED}, {&cvg_cart_ops, "5", CVG_E_MALFORMED},
	};
	CvgDotSupply dots = {gen_next_dots, 0};
	CvgBuf		deep;
	CvgBuf		buf;
	int			i;

	cvg_buf_init(&buf);
	for (i = 0; i < lengthof(values); i++)
	{
		CvgStatus	status;

		cvg_buf_reset(&buf);
		status = cvg_crdt_from_json(values[i].ops, cvg_slice_cstring(values[i].json), &dots, &buf);
		CHECK(status == values[i].status, "%s %s: %s", values[i].ops->name, values[i].json, cvg_status_message(status));
		CHECK(status == CVG_OK || buf.len == 0);
		if (status != CVG_OK)
			continue;
		CHECK(cvg_crdt_validate(values[i].ops, cvg_buf_slice(&buf), NULL) == CVG_OK);
		CHECK(strcmp(plain(cvg_buf_slice(&buf)), values[i].json) == 0, "%s: %s", values[i].json, plain(cvg_buf_slice(&buf)));
	}
	cvg_buf_init(&deep);
	for (i = 0; i < 100000; i++)
		cvg_print_string(&deep, "{\"a\":");
	cvg_put_u8(&deep, '1');
	for (i = 0; i < 100000; i++)
		cvg_put_u8(&deep, '}');
	CHECK(cvg_crdt_from_json(&cvg_ormap_ops, cvg_buf_slice(&deep), &dots, &buf) == CVG_E_LIMIT);
	cvg_buf_free(&deep);
	cvg_buf_free(&buf);
	gen_reset();
}

static void
write_one(CvgSlice reg, void *arg, CvgBuf *out)
{
	(*(int *) arg)++;
	cvg_crdt_put_header(cvg_crdt_ops(reg.data[1]), out);
	if (reg.data[1] == CVG_CRDT_MVREG)
		cvg_dotset_empty(out);
}

static void
test_rewrite(void)
{
	CvgError	err;
	CvgSlice	v = crdt_parse(&cvg_ormap_ops, "{\"a\": ewflag true [a@5] at [a@5], \"b\": lwwreg [a@5 1 at a@5, b@6 2 at b@6], "
							   "\"c\": ormap {\"d\": mvreg [a@5 1] at [a@5]} at [a@5]}", &err);
	int			n = 0;
	CvgBuf		buf;

	CHECK(v.len > 0);
	cvg_buf_init(&buf);
	cvg_map_rewrite_registers(v, write_one, &n, &buf);
	CHECK(n == 3);
	CHECK(strcmp(crdt_text(cvg_buf_slice(&buf)), "{\"a\": ewflag true [a@5] at [a@5], \"b\": lwwreg [unset at a@5, unset at b@6], "
				 "\"c\": ormap {\"d\": mvreg [] at [a@5]} at [a@5]}") == 0, "%s", crdt_text(cvg_buf_slice(&buf)));
	cvg_buf_free(&buf);
	gen_reset();
}

static void
test_json(void)
{
	CvgBuf		names;
	CvgJsonMember *m;
	int			n;

	cvg_buf_init(&names);
	CHECK(cvg_json_members(cvg_slice_cstring("{\"b\": [1, 2], \"a\\n\": {\"x\": \"}\"}, \"\": null}"), &names, &m, &n) == CVG_OK);
	CHECK(n == 3 && m[0].name.len == 0 && same(m[1].name, cvg_slice_cstring("a\n")) &&
		  same(m[1].value, cvg_slice_cstring("{\"x\": \"}\"}")) && same(m[2].value, cvg_slice_cstring("[1, 2]")));
	pfree(m);
	CHECK(cvg_json_members(cvg_slice_cstring("[1, \"x\", []]"), &names, &m, &n) == CVG_OK && n == 3);
	pfree(m);
	CHECK(cvg_json_members(cvg_slice_cstring("{\"a\": 1, \"a\": 2}"), &names, &m, &n) == CVG_E_DUPLICATE);
	pfree(m);
	CHECK(cvg_json_members(cvg_slice_cstring("{\"a\": 1"), &names, &m, &n) == CVG_E_SYNTAX);
	pfree(m);
	CHECK(cvg_json_members(cvg_slice_cstring("{\"a\": 1} 2"), &names, &m, &n) == CVG_E_SYNTAX);
	pfree(m);
	CHECK(cvg_json_members(cvg_slice_cstring("7"), &names, &m, &n) == CVG_E_SYNTAX);
	pfree(m);
	cvg_buf_free(&names);
	gen_reset();
}

static void
test_damage(void)
{
	CvgSlice	m = story(story(empty_map(), "a", COUNT, "n", 1), "b", WRITE, "m/x", 2);

	m = story(crdt_merge(story(m, "a", SEE, "y", 5), story(m, "b", SEE, "y", 6)), "b", REMOVE, "n", 0);
	check_damage(recode_crdt, m, "ormap");
	gen_reset();
}

int
main(void)
{
	int			cases = unit_env_cases(10000);

	check_small(&one_key);
	check_small(&nested_key);
	check_random(&random_map, cases);
	check_long_branches(&random_map, Max(cases / 3000, 3));
	unit_start(1);
	story_stamp = 0;
	test_re_added();
	test_embedded_counter();
	test_many_counts();
	test_removed_map();
	test_type_conflict();
	test_size();
	test_limits();
	test_long_context();
	test_latest();
	test_deep_bytes();
	test_text();
	test_plain();
	test_rewrite();
	test_json();
	test_assign();
	test_plain_flag();
	test_from_json();
	test_assign_random(cases / 5);
	test_damage();
	return unit_done();
}
