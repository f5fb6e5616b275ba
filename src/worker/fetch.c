/*-------------------------------------------------------------------------
 *
 * fetch.c
 *	  converge.fetch(): the whole state of one row, for a peer that lacks it.
 *
 * Live row, tombstone and set-aside row are looked for with one snapshot, so
 * a row that is just moving between them is found in one place.  A tombstone
 * that is stable counts as absent here as everywhere; the answer says what is
 * stable here, for it may not be yet where the answer goes.  What is answered
 * may be newer than the entry the peer is applying: it merges.
 *
 * Reads no table privileges: the function itself is granted to peers.
 *
 *-------------------------------------------------------------------------
 */
#include "compat.h"

#include "access/table.h"
#include "access/tableam.h"
#include "catalog/pg_inherits.h"
#include "core/wire.h"
#include "executor/tuptable.h"
#include "store/meta.h"
#include "store/relinfo.h"
#include "store/rowstore.h"
#include "store/tombstone.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/rel.h"
#include "utils/snapmgr.h"

/* In one leaf; fills the answer. */
static bool
fetch_from_leaf(Oid relid, Datum *keys, CvgSlice key, Snapshot snapshot, CvgFetchAnswer *answer)
{
	Relation	rel = table_open(relid, AccessShareLock);
	CvgRel	   *info = cvg_rel(rel);
	TupleTableSlot *slot;
	bool		found = false;

	if (info != NULL && rel->rd_rel->relkind == RELKIND_RELATION)
	{
		slot = table_slot_create(rel, NULL);
		found = cvg_row_read(rel, info, keys, key, snapshot, slot);
		if (found)
		{
			CvgSlice	state = cvg_rel_state(info, slot);
			CvgBuf		copy;
			CvgBuf		image;

			cvg_buf_init(&copy);
			cvg_put_bytes(&copy, state.data, state.len);
			cvg_buf_init(&image);
			cvg_rel_put_image(info, slot, &image);
			answer->found = 1;
			answer->state = cvg_buf_slice(&copy);
			answer->image = cvg_buf_slice(&image);
			answer->descriptor = info->desc_bytes;
		}
		ExecDropSingleTupleTableSlot(slot);
	}
	table_close(rel, NoLock);
	return found && answer->state.len > 0;
}

static bool
fetch_live(CvgRel *root, Datum *keys, CvgSlice key, Snapshot snapshot, CvgFetchAnswer *answer)
{
	List	   *leaves = find_all_inheritors(root->relid, AccessShareLock, NULL);
	ListCell   *lc;

	foreach(lc, leaves)
	{
		if (get_rel_relkind(lfirst_oid(lc)) == RELKIND_RELATION &&
			fetch_from_leaf(lfirst_oid(lc), keys, key, snapshot, answer))
			return true;
	}
	return false;
}

static bool
fetch_shelved(CvgTable shelf, CvgRel *root, Datum *keys, CvgSlice key,
			  Snapshot snapshot, CvgFetchAnswer *answer)
{
	CvgShelved	row;
	CvgReader	reader;

	if (!cvg_shelf_find(shelf, root, keys, key, snapshot, &row))
		return false;
	answer->found = shelf == CVG_T_TOMBSTONES ? 2 : 1;
	answer->state = row.state;
	answer->image = row.image;
	answer->descriptor = cvg_slice(NULL, 0);
	if (row.image.len > 0)
	{
		cvg_reader_init(&reader, row.image);
		answer->descriptor = cvg_descriptor_bytes(cvg_get_u64(&reader));
	}
	return true;
}

/* Fill the answer about one key. */
static void
fetch_key(CvgRel *root, CvgSlice key, CvgFetchAnswer *answer)
{
	Datum		keys[CVG_MAX_KEY_COLUMNS];
	Snapshot	snapshot;

	if (!(root->desc->flags & CVG_DESC_KEYLESS))
		cvg_rel_decode_key(root, key, keys);
	snapshot = RegisterSnapshot(GetLatestSnapshot());
	if (!fetch_live(root, keys, key, snapshot, answer))
	{
		if (fetch_shelved(CVG_T_TOMBSTONES, root, keys, key, snapshot, answer))
		{
			if (cvg_tombstone_forgotten(cvg_db(), answer->state))
				memset(answer, 0, sizeof(*answer));
		}
		else
			(void) fetch_shelved(CVG_T_QUARANTINE, root, keys, key, snapshot, answer);
	}
	UnregisterSnapshot(snapshot);
}

CVG_FUNCTION(converge_fetch)
{
	bytea	   *arg = PG_GETARG_BYTEA_PP(0);
	CvgFetchRequest req;
	CvgFetchAnswer answer = {0};
	CvgError	err;
	CvgBuf		out;
	CvgRel	   *root;
	Oid			relid;
	int			nest = 0;

	if (cvg_fetch_request_decode(cvg_slice(VARDATA_ANY(arg), VARSIZE_ANY_EXHDR(arg)),
								 &req, &err) != CVG_OK)
		ereport(ERROR,
				(errcode(ERRCODE_PROTOCOL_VIOLATION),
				 errmsg("invalid request for a row: %s", cvg_status_message(err.status))));
	relid = cvg_replicated_oid(req.schema, req.table);
	if (!OidIsValid(relid))
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_TABLE),
				 errmsg("table \"%.*s.%.*s\" is not replicated here",
						(int) req.schema.len, (const char *) req.schema.data,
						(int) req.table.len, (const char *) req.table.data)));
	root = cvg_rel_by_oid(relid);
	if (root->has_text)
		nest = cvg_codec_enter();
	fetch_key(root, req.key, &answer);
	if (root->has_text)
		cvg_codec_leave(nest);

	/* read last: it covers what has been taken for absent */
	answer.stable = cvg_stable_clock(cvg_db());
	cvg_buf_init(&out);
	out.len = VARHDRSZ;
	cvg_fetch_answer_encode(&answer, &out);
	SET_VARSIZE(out.data, out.len);
	PG_RETURN_BYTEA_P(out.data);
}
