/*-------------------------------------------------------------------------
 *
 * fetch.c
 *	  converge.fetch(): a peer asks for the whole state of one row, because a
 *	  change does not carry what it lacks (it has lost or never had the base).
 *
 * The answer is the row as committed now: live, buried or set aside.  It may be
 * newer than the change that made the peer ask; merging takes care of that.
 *
 *-------------------------------------------------------------------------
 */
#include "compat.h"

#include "access/table.h"
#include "core/wire.h"
#include "executor/tuptable.h"
#include "store/meta.h"
#include "store/relinfo.h"
#include "store/rowstore.h"
#include "store/tombstone.h"
#include "utils/rel.h"
#include "utils/snapmgr.h"

/* Find the row on a shelf; found is what the answer calls it. */
static bool
fetch_shelved(CvgTable shelf, int found, CvgRel *rel, Datum *keyvals,
			  CvgSlice key, CvgFetchAnswer *answer)
{
	CvgShelved	shelved;

	if (!cvg_shelf_find(shelf, rel, keyvals, key, NULL, &shelved))
		return false;
	answer->found = found;
	answer->state = shelved.state;
	answer->image = shelved.image;
	return true;
}

static bool
fetch_live(CvgRel *rel, CvgSlice key, Datum *keyvals, CvgFetchAnswer *answer)
{
	CvgBuf	   *image = palloc(sizeof(CvgBuf));
	CvgSlice	state;

	cvg_buf_init(image);
	if (!cvg_rowstore_read(rel, key, keyvals, &state, image))
		return false;
	answer->found = 1;
	answer->state = state;
	answer->image = cvg_buf_slice(image);
	return true;
}

/* The image's own descriptor: it may be an older one than the table's now. */
static CvgSlice
descriptor_of(CvgRel *rel, CvgSlice image)
{
	CvgReader	r;
	CvgSlice	bytes;

	cvg_reader_init(&r, image);
	if (image.len == 0)
		return rel->desc_bytes;
	bytes = cvg_descriptor_bytes(cvg_get_u64(&r));
	return bytes.len > 0 ? bytes : rel->desc_bytes;
}

CVG_FUNCTION(fetch)
{
	bytea	   *arg = PG_GETARG_BYTEA_PP(0);
	Datum		keyvals[CVG_MAX_KEY_COLUMNS];
	CvgFetchRequest req;
	CvgFetchAnswer answer = {0};
	CvgError	err;
	CvgBuf		out;
	CvgRel	   *rel;
	Oid			relid;
	int			nestlevel;
	bytea	   *result;

	if (cvg_fetch_request_decode(cvg_slice(VARDATA_ANY(arg), VARSIZE_ANY_EXHDR(arg)),
								 &req, &err) != CVG_OK)
		ereport(ERROR,
				(errcode(ERRCODE_PROTOCOL_VIOLATION),
				 errmsg("invalid fetch request: %s", cvg_status_message(err.status))));
	relid = cvg_replicated_oid(req.schema, req.table);
	if (!OidIsValid(relid))
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_TABLE),
				 errmsg("table \"%.*s.%.*s\" is not replicated here",
						(int) req.schema.len, (const char *) req.schema.data,
						(int) req.table.len, (const char *) req.table.data)));
	rel = cvg_rel_by_oid(relid);
	nestlevel = cvg_codec_enter();
	cvg_rel_decode_key(rel, req.key, keyvals);
	if (fetch_live(rel, req.key, keyvals, &answer) ||
		fetch_shelved(CVG_T_TOMBSTONES, 2, rel, keyvals, req.key, &answer) ||
		fetch_shelved(CVG_T_QUARANTINE, 1, rel, keyvals, req.key, &answer))
		answer.descriptor = descriptor_of(rel, answer.image);
	cvg_codec_leave(nestlevel);
	cvg_buf_init(&out);
	cvg_fetch_answer_encode(&answer, &out);
	result = palloc(VARHDRSZ + out.len);
	SET_VARSIZE(result, VARHDRSZ + out.len);
	memcpy(VARDATA(result), out.data, out.len);
	PG_RETURN_BYTEA_P(result);
}
