/*-------------------------------------------------------------------------
 *
 * stats.c
 *	  Functions behind converge.stat_peers and converge.hints.
 *
 * They copy a slot under the lock and format it afterwards.
 *
 *-------------------------------------------------------------------------
 */
#include "compat.h"

#include "catalog/pg_authid.h"
#include "core/wire.h"
#include "funcapi.h"
#include "shmem.h"
#include "utils/acl.h"
#include "utils/builtins.h"
#include "utils/timestamp.h"
#include "utils/tuplestore.h"

#define STAT_PEERS_COLUMNS		18
#define STAT_MEMBERS_COLUMNS	7

static const char *
peer_state_name(CvgPeerState state)
{
	switch (state)
	{
		case CVG_PEER_OFF:
			return "off";
		case CVG_PEER_CONNECTING:
			return "connecting";
		case CVG_PEER_STREAMING:
			return "streaming";
		case CVG_PEER_PAUSED:
			return "paused";
		case CVG_PEER_FAILED:
			return "failed";
	}
	return "unknown";
}

/* What of a peer is known through its replica id. */
typedef struct PeerLag
{
	bool		known;
	int64		applied;
	CvgStamp	horizon;
} PeerLag;

/* Copy peer i with what lag needs; false if the slot is not in use. */
static bool
copy_peer(CvgDb *db, int i, CvgPeerSlot *peer, PeerLag *lag)
{
	CvgOriginSlot *origin;

	memset(lag, 0, sizeof(*lag));
	LWLockAcquire(&db->lock, LW_SHARED);
	*peer = db->peers[i];
	if (peer->in_use && peer->replica_id[0] != '\0')
	{
		origin = cvg_origin_slot_by_name(db, cvg_slice_cstring(peer->replica_id));
		if (origin != NULL)
		{
			lag->known = true;
			lag->applied = origin->seq;
			lag->horizon = origin->horizon;
		}
	}
	LWLockRelease(&db->lock);
	return peer->in_use;
}

static void
set_timestamp(Datum *values, bool *nulls, int i, TimestampTz value)
{
	values[i] = TimestampTzGetDatum(value);
	nulls[i] = value == 0;
}

static void
set_text(Datum *values, bool *nulls, int i, const char *value)
{
	nulls[i] = value[0] == '\0';
	if (!nulls[i])
		values[i] = CStringGetTextDatum(value);
}

/* Paused is a peer only once its receiver has ended: nothing more is taken. */
static CvgPeerState
shown_state(const CvgPeerSlot *peer)
{
	return peer->paused && peer->pid == 0 ? CVG_PEER_PAUSED : peer->state;
}

static void
form_peer(const CvgPeerSlot *peer, const PeerLag *lag, Datum *values, bool *nulls)
{
	int64		behind = Max(peer->head_seq - lag->applied, 0);

	memset(nulls, 0, STAT_PEERS_COLUMNS * sizeof(bool));
	values[0] = CStringGetTextDatum(peer->name);
	values[1] = CStringGetTextDatum(peer_state_name(shown_state(peer)));
	set_text(values, nulls, 2, peer->replica_id);
	values[3] = Int32GetDatum(peer->pid);
	nulls[3] = peer->pid == 0;
	set_timestamp(values, nulls, 4, peer->connected_at);
	set_timestamp(values, nulls, 5, peer->last_contact);
	values[6] = Int64GetDatum(peer->entries);
	values[7] = Int64GetDatum(peer->rows);
	values[8] = Int64GetDatum(peer->bytes);
	values[9] = Int64GetDatum(peer->transactions);
	values[10] = Int64GetDatum(peer->conflicts);
	values[11] = Int64GetDatum(peer->fetches);
	values[12] = Int64GetDatum(peer->retries);
	values[13] = Float8GetDatum(peer->apply_rate);
	values[14] = Int64GetDatum(behind);
	nulls[14] = peer->last_contact == 0;
	values[15] = Float8GetDatum(lag->horizon == 0 ? 0 :
								Max((double) (GetCurrentTimestamp() - lag->horizon), 0) / USECS_PER_SEC);
	nulls[15] = lag->horizon == 0;
	/* it may name hosts and roles of a setting that is for superusers only */
	if (peer->last_error[0] != '\0' &&
		!has_privs_of_role(GetUserId(), ROLE_PG_READ_ALL_STATS))
		values[16] = CStringGetTextDatum("<insufficient privilege>");
	else
		set_text(values, nulls, 16, peer->last_error);
	set_timestamp(values, nulls, 17, peer->last_error_at);
}

CVG_FUNCTION(stat_get_peers)
{
	ReturnSetInfo *rsinfo = (ReturnSetInfo *) fcinfo->resultinfo;
	CvgDb	   *db;
	int			i;

	cvg_require_preload();
	InitMaterializedSRF(fcinfo, 0);
	db = cvg_db_find(MyDatabaseId);
	for (i = 0; db != NULL && i < CVG_MAX_PEERS; i++)
	{
		Datum		values[STAT_PEERS_COLUMNS];
		bool		nulls[STAT_PEERS_COLUMNS];
		CvgPeerSlot peer;
		PeerLag		lag;

		if (!copy_peer(db, i, &peer, &lag))
			continue;
		form_peer(&peer, &lag, values, nulls);
		tuplestore_putvalues(rsinfo->setResult, rsinfo->setDesc, values, nulls);
	}
	return (Datum) 0;
}

/* Index of the own origin's slot, -1 if there is none yet. */
static int
own_slot(CvgDb *db)
{
	int			i;

	for (i = 0; i < db->norigins; i++)
	{
		if (db->origins[i].id == db->origin)
			return i;
	}
	return -1;
}

CVG_FUNCTION(stat_get_members)
{
	ReturnSetInfo *rsinfo = (ReturnSetInfo *) fcinfo->resultinfo;
	CvgDb	   *db;
	int			i;

	cvg_require_preload();
	InitMaterializedSRF(fcinfo, 0);
	db = cvg_db_find(MyDatabaseId);
	for (i = 0; db != NULL && i < CVG_MAX_MEMBERS; i++)
	{
		Datum		values[STAT_MEMBERS_COLUMNS];
		bool		nulls[STAT_MEMBERS_COLUMNS] = {false};
		CvgMemberSlot *member = palloc(sizeof(CvgMemberSlot));
		int64		own_seq;
		int			own;

		LWLockAcquire(&db->commit_lock, LW_SHARED);
		own_seq = db->last_committed_seq;
		LWLockRelease(&db->commit_lock);
		LWLockAcquire(&db->lock, LW_SHARED);
		*member = db->members[i];
		own = own_slot(db);
		LWLockRelease(&db->lock);
		if (!member->in_use)
			continue;
		values[0] = CStringGetTextDatum(member->node_name);
		values[1] = CStringGetTextDatum(member->replica_id);
		values[2] = BoolGetDatum((member->flags & CVG_REPORT_FORGOTTEN) != 0);
		set_timestamp(values, nulls, 3, member->received_at);
		set_timestamp(values, nulls, 4, member->pulled_at);
		values[5] = Int64GetDatum(own < 0 ? 0 : Max(own_seq - member->progress[own], 0));
		set_timestamp(values, nulls, 6, own < 0 ? 0 : member->horizon[own]);
		tuplestore_putvalues(rsinfo->setResult, rsinfo->setDesc, values, nulls);
		pfree(member);
	}
	return (Datum) 0;
}
