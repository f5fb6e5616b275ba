/*-------------------------------------------------------------------------
 *
 * apply_bulk.c
 *	  Many inserts into one table at once.
 *
 * In a load, next to no row is here already.  So rows are inserted without
 * looking for them first, many per page visit, and the unique indexes tell
 * when one was there after all (or a row is in the way, or a local
 * transaction may have buried one meanwhile: CvgDb.deleters).  Then the whole
 * batch is deleted again and applied row by row (apply_row.c); deleting our
 * own fresh rows needs no subtransaction.  After that the transaction makes
 * no further attempt: conflicts come in numbers.
 *
 * A batch is open only while inserts into one table follow each other, and is
 * written before anything else is applied.
 *
 *-------------------------------------------------------------------------
 */
#include "compat.h"

#include "executor/executor.h"
#include "port/atomics.h"
#include "store/tombstone.h"
#include "utils/memutils.h"
#include "utils/rel.h"
#include "utils/snapmgr.h"

#include "worker/apply_int.h"

/* Entries with fewer changes are not worth it. */
#define MIN_CHANGES		32
#define MAX_ROWS		1000
#define MAX_BYTES		(256 * 1024)

/* The open batch. */
typedef struct Bulk
{
	CvgTarget  *target;			/* NULL: none is open */
	CvgMap	   *map;
	MemoryContext mcxt;			/* values of the rows */
	uint64		deleters;		/* before the shelf was looked at */
	bool		shelf_empty;	/* no tombstone of any table */
	size_t		bytes;
	int			n;
	CvgSlice	changes[MAX_ROWS];	/* encoded, to apply them another way */
	TupleTableSlot *slots[MAX_ROWS];
	int			nslots;			/* made for this target */
} Bulk;

static Bulk bulk;

void
cvg_bulk_begin(CvgApply *ap)
{
	bulk.target = NULL;
	bulk.n = 0;
	bulk.nslots = 0;
	bulk.mcxt = AllocSetContextCreate(ap->xact_mcxt, "pg_converge bulk insert",
									  ALLOCSET_DEFAULT_SIZES);
	ap->bulk_off = false;
}

/* May this change go into a batch? */
static bool
is_eligible(CvgApply *ap, CvgMap *map, const CvgChange *change)
{
	return !ap->bulk_off &&
		change->op == CVG_OP_INSERT &&
		ap->body.nchanges >= MIN_CHANGES &&
		map->store->info->desc->nkeys > 0 &&
		!cvg_quarantine_any(map->store) &&
		cvg_rowstate_alive(change->state, map->store->info->desc->on_delete);
}

/* The target of an insert; also its key. */
static CvgTarget *
route(CvgMap *map, const CvgChange *change, Datum *keys)
{
	if (map->store->plain == NULL || !bulk.shelf_empty)
		cvg_rel_decode_key(map->store->info, change->key, keys);
	return cvg_store_route_key(map->store, keys);
}

static void
open_batch(CvgApply *ap, CvgMap *map, CvgTarget *target)
{
	if (bulk.target != target)
		bulk.nslots = 0;
	bulk.target = target;
	bulk.map = map;
	bulk.bytes = 0;
}

/* A slot for the next row. */
static TupleTableSlot *
next_slot(void)
{
	CvgTarget  *target = bulk.target;

	if (bulk.n >= bulk.nslots)
	{
		MemoryContext old = MemoryContextSwitchTo(target->store->mcxt);

		bulk.slots[bulk.nslots++] =
			ExecInitExtraTupleSlot(target->estate, RelationGetDescr(target->rel), &TTSOpsVirtual);
		MemoryContextSwitchTo(old);
	}
	return bulk.slots[bulk.n];
}

/* Lay the change's row out in a slot. */
static void
fill_slot(CvgMap *map, CvgTarget *target, const CvgChange *change, TupleTableSlot *slot)
{
	CvgRel	   *rel = target->info;
	int			natts = slot->tts_tupleDescriptor->natts;
	bytea	   *state = palloc(VARHDRSZ + change->state.len);
	int			i;

	SET_VARSIZE(state, VARHDRSZ + change->state.len);
	memcpy(VARDATA(state), change->state.data, change->state.len);
	ExecClearTuple(slot);
	memset(slot->tts_isnull, true, natts * sizeof(bool));
	memset(slot->tts_values, 0, natts * sizeof(Datum));
	for (i = 0; !map->complete && i < rel->desc->ncolumns; i++)
	{
		int			att = rel->columns[i].attnum;

		if (!(rel->desc->columns[i].flags & CVG_COL_GENERATED))
			slot->tts_values[att - 1] = cvg_row_default(target, att, &slot->tts_isnull[att - 1]);
	}
	for (i = 0; i < change->ncolumns; i++)
	{
		CvgRelColumn *col = &rel->columns[map->local[change->cols[i]]];

		slot->tts_values[col->attnum - 1] =
			cvg_codec_get(&col->codec, change->values[i], &slot->tts_isnull[col->attnum - 1]);
	}
	slot->tts_values[rel->state_attnum - 1] = PointerGetDatum(state);
	slot->tts_isnull[rel->state_attnum - 1] = false;
	ExecStoreVirtualTuple(slot);
}

/* Apply the batch's changes one by one. */
static void
apply_singly(CvgApply *ap, int n)
{
	static CvgChange again;		/* large */
	int			i;

	ap->bulk_off = true;
	for (i = 0; i < n; i++)
	{
		CvgReader	reader;

		cvg_reader_init(&reader, bulk.changes[i]);
		if (cvg_change_decode(&reader, ap->descs, ap->body.ndescriptors, &again, NULL) != CVG_OK)
			elog(ERROR, "change that was decoded before cannot be decoded");
		cvg_apply_context(&again, bulk.map);
		cvg_apply_change(ap, bulk.map, &again);
	}
}

/* Has a local transaction buried one of the rows since the batch began? */
static bool
any_buried(CvgApply *ap, int n)
{
	CvgRel	   *rel = bulk.target->info;
	int			i;

	pg_memory_barrier();
	if (pg_atomic_read_u64(&ap->db->deleters) == bulk.deleters)
		return false;
	for (i = 0; i < n; i++)
	{
		Datum		keys[CVG_MAX_KEY_COLUMNS];
		CvgShelved	grave;
		CvgBuf		key;

		cvg_rel_key_values(rel, bulk.slots[i], keys);
		cvg_buf_init(&key);
		cvg_rel_put_key(rel, bulk.slots[i], &key);
		if (cvg_shelf_find(CVG_T_TOMBSTONES, rel, keys, cvg_buf_slice(&key), NULL, &grave))
			return true;
	}
	return false;
}

void
cvg_bulk_flush(CvgApply *ap)
{
	MemoryContext old;
	int			n = bulk.n;
	bool		ok;

	if (n == 0)
		return;
	bulk.n = 0;
	cvg_apply_context(NULL, NULL);
	cvg_owner_enter(ap, bulk.map->store);
	old = MemoryContextSwitchTo(bulk.mcxt);
	ok = cvg_rows_insert(bulk.target, bulk.slots, n);
	if (ok && any_buried(ap, n))
	{
		cvg_rows_take_back(bulk.target, bulk.slots, n);
		ok = false;
	}
	MemoryContextSwitchTo(old);
	if (ok)
		ap->counts.rows += n;
	else
		apply_singly(ap, n);
	UpdateActiveSnapshotCommandId();
	MemoryContextReset(bulk.mcxt);
}

/* With the row's values in the batch's memory. */
static bool
add_row(CvgApply *ap, CvgMap *map, const CvgChange *change, CvgSlice bytes)
{
	Datum		keys[CVG_MAX_KEY_COLUMNS];
	CvgShelved	grave;
	CvgTarget  *target;

	if (bulk.n == 0)
	{
		bulk.deleters = pg_atomic_read_u64(&ap->db->deleters);
		pg_memory_barrier();
		bulk.shelf_empty = cvg_shelf_is_empty(CVG_T_TOMBSTONES);
	}
	target = route(map, change, keys);
	if (bulk.n > 0 && (target != bulk.target || map != bulk.map))
		return false;
	if (bulk.n == 0)
	{
		if (!cvg_target_takes_bulk(target))
		{
			ap->bulk_off = true;
			return false;
		}
		open_batch(ap, map, target);
	}
	if (!bulk.shelf_empty &&
		cvg_shelf_find(CVG_T_TOMBSTONES, map->store->info, keys, change->key, NULL, &grave))
		return false;
	fill_slot(map, target, change, next_slot());
	bulk.changes[bulk.n++] = bytes;
	bulk.bytes += bytes.len;
	return true;
}

bool
cvg_bulk_add(CvgApply *ap, CvgMap *map, const CvgChange *change, CvgSlice bytes)
{
	MemoryContext old;
	bool		taken;
	int			nest = 0;

	if (!is_eligible(ap, map, change))
	{
		cvg_bulk_flush(ap);
		return false;
	}
	cvg_owner_enter(ap, map->store);
	old = MemoryContextSwitchTo(bulk.mcxt);
	if (map->store->info->has_text)
		nest = cvg_codec_enter();
	taken = add_row(ap, map, change, bytes);
	if (map->store->info->has_text)
		cvg_codec_leave(nest);
	MemoryContextSwitchTo(old);

	/* a change that goes another way must find the rows before it */
	if (!taken || bulk.n >= MAX_ROWS || bulk.bytes >= MAX_BYTES)
		cvg_bulk_flush(ap);
	return taken;
}
