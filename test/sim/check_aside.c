/*
 * check_aside.c: what must hold of rows that exclude each other.
 *
 * From the writes alone, as in check.c: which rows are alive, what they claim,
 * and since when.  A row may be visible if it fails no CHECK, and no row that
 * has claimed its value earlier may be.
 */
#include "sim.h"

const Row *
whole_row(const Db *db, int key)
{
	return db->live[key].present ? &db->live[key] : &db->aside[key].row;
}

bool
aside_anywhere(void)
{
	int			i;
	int			k;

	for (i = 0; i < MAX_NODES && w.cfg.rivals != 0; i++)
	{
		for (k = 0; k < w.cfg.nkeys && w.nodes[i].running; k++)
		{
			if (w.nodes[i].mem.aside[k].row.present)
				return true;
		}
	}
	return false;
}

/* A row that is set aside is what its writes make it, and alive. */
static void
check_aside_row(Node *node, int key)
{
	const Aside *aside = &node->mem.aside[key];
	int			values[NCOLS];
	Op		   *last;
	Op		   *claim;

	if (!aside->row.present || is_confused(key, &node->mem.seen[key]))
		return;
	COUNT(checks);
	if (!oracle(key, &aside->writes, values, &last, &claim))
		fail(key, "%s: row %d is set aside, and should be dead: %s", node->name, key,
			 show_row(key, &aside->row));
	else if (memcmp(values, aside->row.values, sizeof(values)) != 0)
		fail(key, "%s: row %d, set aside, is %s, and should be x=%d y=%d z=%d", node->name, key,
			 show_row(key, &aside->row), values[0], values[1], values[2]);
}

/* Two visible rows of one value, or one that fails the CHECK? */
static void
check_constraints(Node *node, int key)
{
	const Row  *row = &node->mem.live[key];
	int			k;

	if (!row->present)
		return;
	if (fails_check(node, key, row))
		fail(key, "%s: row %d is visible, and fails a CHECK: %s", node->name, key, show_row(key, row));
	for (k = 0; k < w.cfg.nkeys; k++)
	{
		const Row  *other = &node->mem.live[k];

		if (k != key && RIVAL(k) && other->present && other->values[0] == row->values[0])
			fail(key, "%s: rows %d and %d are both visible with x=%d", node->name, key, k,
				 row->values[0]);
	}
}

typedef struct Alive
{
	int			key;
	int			x;
	const Op   *claim;
	bool		barred;
} Alive;

static bool
claims_before(const Alive *a, const Alive *b)
{
	return cvg_dot_cmp(a->claim->stamp, w.ids[a->claim->id].slice,
					   b->claim->stamp, w.ids[b->claim->id].slice) < 0;
}

/* The definition. */
static bool
should_be_visible(const Alive *rows, int n, int at)
{
	int			i;

	if (rows[at].barred)
		return false;
	for (i = 0; i < n; i++)
	{
		if (rows[i].x == rows[at].x && claims_before(&rows[i], &rows[at]) &&
			should_be_visible(rows, n, i))
			return false;
	}
	return true;
}

/* Of the writes applied here: who should be visible is, and who should not is aside. */
void
check_visible_set(Node *node)
{
	Alive		rows[MAX_KEYS];
	int			n = 0;
	int			i;
	int			k;

	for (k = 0; k < w.cfg.nkeys; k++)
	{
		int			values[NCOLS];
		Op		   *last;
		Op		   *claim;
		Row			row = {0};

		if (!RIVAL(k) || !oracle(k, &node->mem.seen[k], values, &last, &claim))
			continue;
		if (is_confused(k, &node->mem.seen[k]))
			return;
		memcpy(row.values, values, sizeof(values));
		rows[n++] = (Alive) {k, values[0], claim, fails_check(node, k, &row)};
	}
	COUNT(decided);
	for (i = 0; i < n; i++)
	{
		bool		visible = should_be_visible(rows, n, i);
		int			key = rows[i].key;

		if (node->mem.live[key].present != visible)
			fail(key, "%s: row %d, x=%d, should %sbe visible", node->name, key, rows[i].x,
				 visible ? "" : "not ");
		if (node->mem.aside[key].row.present == visible)
			fail(key, "%s: row %d, x=%d, is %s", node->name, key, rows[i].x,
				 visible ? "set aside and visible" : "nowhere");
	}
}

/*
 * A commit has become visible.  When one that applies something is, all is
 * where it should be, unless others have written since it was decided.
 */
void
check_rivals(Node *node, const Record *r)
{
	uint32		written = (r->live_set | r->aside_set) & w.cfg.rivals;
	int			k;

	if (written == 0)
		return;
	for (k = 0; k < w.cfg.nkeys && w.failure == NULL; k++)
	{
		if ((written & (1u << k)) == 0)
			continue;
		check_aside_row(node, k);
		check_constraints(node, k);
	}
	if (w.failure == NULL && r->rivals_seen == node->rivals_changed)
		check_visible_set(node);
	node->rivals_changed++;
}
