/*-------------------------------------------------------------------------
 *
 * codec.c
 *	  Column values to portable bytes and back.
 *
 * Three ways to travel, chosen per type once in cvg_codec_init():
 *
 *	 inlined	integers, floats, dates, uuid, bytea and everything that is
 *				text inside.  The bytes are those of the type's send function.
 *	 binary		send and receive of the type.
 *	 text		output and input of the type, for binary forms that hold OIDs
 *				of this database and for types that have none.
 *
 * Characters are UTF-8 on the way, whatever the encodings of the database and
 * of the client are: the same row must give the same bytes on each node (keys
 * are compared by them), whoever asks.  Inlined and text values are converted
 * here.  Send and receive functions convert to and from *client_encoding*, and
 * nothing says which of them do, so around those not known to be free of
 * characters client_encoding is UTF8.  A SQL_ASCII
 * database has no encoding to convert from: bytes there that are not UTF-8
 * are refused when they are captured, because no peer could ever store them.
 *
 * Text forms depend on settings; cvg_codec_enter() pins every one that the
 * input or output of a built-in type looks at, TimeZone included, so that
 * equal rows have equal bytes.
 *
 * Decoding trusts no length and no range: bytes that reach a Datum have been
 * checked as the type's receive function checks them.  xml is the exception:
 * its receive function depends on xmloption and rewrites the declaration, so
 * an xml value is carried as the characters it is stored as.
 *
 *-------------------------------------------------------------------------
 */
#include "compat.h"

#include "access/htup_details.h"
#include "access/transam.h"
#include "catalog/namespace.h"
#include "catalog/pg_type.h"
#include "datatype/timestamp.h"
#include "lib/stringinfo.h"
#include "mb/pg_wchar.h"
#include "port/pg_bswap.h"
#include "store/codec.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/bytea.h"
#include "utils/date.h"
#include "utils/float.h"
#include "utils/fmgrprotos.h"
#include "utils/guc.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"
#include "utils/syscache.h"
#include "utils/timestamp.h"
#include "utils/uuid.h"
#include "utils/xml.h"

/* Of utils/pg_locale.h, which wants ICU's headers where the server has ICU. */
extern PGDLLIMPORT char *locale_monetary;

/* How a type travels, from best to worst. */
typedef enum Travel
{
	TRAVEL_NEUTRAL,				/* binary, holds no characters */
	TRAVEL_BINARY,				/* binary, may hold characters */
	TRAVEL_TEXT
} Travel;

/* CvgCodec.fast */
typedef enum FastFormat
{
	FAST_NONE = 0,				/* send/receive with client_encoding = UTF8 */
	FAST_NEUTRAL,				/* send/receive as they are */
	FAST_BOOL,
	FAST_INT2,
	FAST_INT4,					/* and float4 */
	FAST_OID,
	FAST_DATE,
	FAST_INT8,
	FAST_FLOAT8,
	FAST_TIMESTAMP,				/* with and without time zone */
	FAST_UUID,
	FAST_TEXT,
	FAST_VARCHAR,				/* text of limited length */
	FAST_BPCHAR,				/* text of fixed length */
	FAST_BYTEA
} FastFormat;

static const struct
{
	Oid			type;
	FastFormat	fast;
}			fast_formats[] =
{
	{BOOLOID, FAST_BOOL},
	{INT2OID, FAST_INT2},
	{INT4OID, FAST_INT4},
	{FLOAT4OID, FAST_INT4},
	{OIDOID, FAST_OID},
	{DATEOID, FAST_DATE},
	{INT8OID, FAST_INT8},
	{FLOAT8OID, FAST_FLOAT8},
	{TIMESTAMPOID, FAST_TIMESTAMP},
	{TIMESTAMPTZOID, FAST_TIMESTAMP},
	{UUIDOID, FAST_UUID},
	{TEXTOID, FAST_TEXT},
	{XMLOID, FAST_TEXT},
	{VARCHAROID, FAST_VARCHAR},
	{BPCHAROID, FAST_BPCHAR},
	{BYTEAOID, FAST_BYTEA}
};

static FastFormat
fast_format(Oid type)
{
	for (int i = 0; i < lengthof(fast_formats); i++)
	{
		if (fast_formats[i].type == type)
			return fast_formats[i].fast;
	}
	return FAST_NONE;
}

/* Built-in types whose send format has neither characters nor OIDs. */
static bool
is_neutral(Oid type)
{
	switch (type)
	{
		case BOOLOID:
		case INT2OID:
		case INT4OID:
		case INT8OID:
		case FLOAT4OID:
		case FLOAT8OID:
		case NUMERICOID:
		case CASHOID:
		case OIDOID:
		case XIDOID:
		case XID8OID:
		case CIDOID:
		case TIDOID:
		case PG_LSNOID:
		case BYTEAOID:
		case CHAROID:
		case BITOID:
		case VARBITOID:
		case UUIDOID:
		case DATEOID:
		case TIMEOID:
		case TIMETZOID:
		case TIMESTAMPOID:
		case TIMESTAMPTZOID:
		case INTERVALOID:
		case INETOID:
		case CIDROID:
		case MACADDROID:
		case MACADDR8OID:
		case POINTOID:
		case LSEGOID:
		case PATHOID:
		case BOXOID:
		case POLYGONOID:
		case LINEOID:
		case CIRCLEOID:
			return true;
		default:
			return false;
	}
}

/* Types whose value is the OID of something in this database. */
static bool
is_object_reference(Oid type)
{
	switch (type)
	{
		case REGPROCOID:
		case REGPROCEDUREOID:
		case REGOPEROID:
		case REGOPERATOROID:
		case REGCLASSOID:
		case REGCOLLATIONOID:
		case REGTYPEOID:
		case REGROLEOID:
		case REGNAMESPACEOID:
		case REGCONFIGOID:
		case REGDICTIONARYOID:
			return true;
		default:
			return false;
	}
}

static Travel travel_of(Oid type);

/*
 * Built-in types whose send and receive do not bring the same value back:
 * tsqueryrecv() lays the operands out in another order.
 */
static bool
is_changed_by_receive(Oid type)
{
	return type == TSQUERYOID;
}

/*
 * What contains an element travels like it, if the element is built in: the
 * binary form of an array names its element type by OID.
 */
static Travel
travel_of_container(Oid element)
{
	if (element >= FirstGenbkiObjectId || element == XMLOID)
		return TRAVEL_TEXT;
	return travel_of(element);
}

static Travel
travel_of_base(Oid type, Form_pg_type form)
{
	Oid			element = get_element_type(type);

	if (OidIsValid(element))
		return travel_of_container(element);
	if (is_object_reference(type) || is_changed_by_receive(type) ||
		!OidIsValid(form->typsend) || !OidIsValid(form->typreceive))
		return TRAVEL_TEXT;
	return is_neutral(type) ? TRAVEL_NEUTRAL : TRAVEL_BINARY;
}

static Travel
travel_of(Oid type)
{
	HeapTuple	tuple;
	Form_pg_type form;
	Travel		travel = TRAVEL_TEXT;

	tuple = SearchSysCache1(TYPEOID, ObjectIdGetDatum(type));
	if (!HeapTupleIsValid(tuple))
		elog(ERROR, "cache lookup failed for type %u", type);
	form = (Form_pg_type) GETSTRUCT(tuple);

	switch (form->typtype)
	{
		case TYPTYPE_BASE:
			travel = travel_of_base(type, form);
			break;
		case TYPTYPE_ENUM:
			travel = TRAVEL_BINARY; /* the label */
			break;
		case TYPTYPE_RANGE:
			travel = travel_of_container(get_range_subtype(type));
			break;
		case TYPTYPE_MULTIRANGE:
			travel = travel_of(get_multirange_range(type));
			break;
		default:				/* composite types, and domains in ranges */
			break;
	}
	ReleaseSysCache(tuple);
	return travel;
}

/* Choose between inlined, binary and text; needs the functions looked up. */
static void
choose_format(CvgCodec *codec, Travel travel)
{
	codec->text = travel == TRAVEL_TEXT;
	codec->fast = fast_format(codec->base);

	if (codec->fast != FAST_NONE || codec->text)
		return;
	if (travel == TRAVEL_NEUTRAL)
		codec->fast = FAST_NEUTRAL;

	/* citext, refcursor and others borrow the functions of text */
	else if (codec->typlen == -1 && codec->out.fn_addr == textsend &&
			 codec->in_binary.fn_addr == textrecv)
		codec->fast = FAST_TEXT;
}

void
cvg_codec_init(CvgCodec *codec, Oid type, int32 typmod, MemoryContext mcxt)
{
	HeapTuple	tuple;
	Form_pg_type form;
	Travel		travel;

	memset(codec, 0, sizeof(*codec));
	codec->type = type;
	codec->typmod = typmod;
	codec->base = getBaseTypeAndTypmod(type, &codec->typmod);
	codec->mcxt = mcxt;

	tuple = SearchSysCache1(TYPEOID, ObjectIdGetDatum(codec->base));
	if (!HeapTupleIsValid(tuple))
		elog(ERROR, "cache lookup failed for type %u", codec->base);
	form = (Form_pg_type) GETSTRUCT(tuple);
	codec->typlen = form->typlen;
	codec->typbyval = form->typbyval;
	codec->ioparam = getTypeIOParam(tuple);

	travel = travel_of(codec->base);
	fmgr_info_cxt(form->typinput, &codec->in_text, mcxt);
	if (travel == TRAVEL_TEXT)
		fmgr_info_cxt(form->typoutput, &codec->out, mcxt);
	else
	{
		fmgr_info_cxt(form->typsend, &codec->out, mcxt);
		fmgr_info_cxt(form->typreceive, &codec->in_binary, mcxt);
	}
	choose_format(codec, travel);
	ReleaseSysCache(tuple);
}

/*
 * Characters of this database in UTF-8, and back.  The result may be the
 * input; *len is updated.
 */
static const char *
to_wire(const char *str, size_t *len)
{
	const char *wire;

	if (*len == 0 || GetDatabaseEncoding() == PG_UTF8)
		return str;
	wire = pg_server_to_any(str, *len, PG_UTF8);
	if (wire != str)
		*len = strlen(wire);
	return wire;
}

static const char *
from_wire(const char *wire, size_t *len)
{
	const char *str;

	if (*len == 0)
		return wire;
	str = pg_any_to_server(wire, *len, PG_UTF8);	/* verifies in any case */
	if (str != wire)
		*len = strlen(str);
	return str;
}

/* Set one GUC until leave; makes the nest level when it is the first. */
static void
pin_setting(int *nestlevel, bool already, const char *name, const char *value)
{
	if (already)
		return;
	if (*nestlevel == 0)
		*nestlevel = NewGUCNestLevel();
	(void) set_config_option(name, value, PGC_USERSET, PGC_S_SESSION,
							 GUC_ACTION_SAVE, true, 0, false);
}

/* Have send and receive functions speak UTF-8. */
static int
pin_client_encoding(CvgCodec *codec)
{
	int			nestlevel = 0;

	pin_setting(&nestlevel,
				codec->fast == FAST_NEUTRAL ||
				pg_get_client_encoding() == PG_UTF8,
				"client_encoding", "UTF8");
	return nestlevel;
}

#define CODEC_SEARCH_PATH	"pg_catalog, pg_temp"

int
cvg_codec_enter(void)
{
	int			nestlevel = 0;

	pin_setting(&nestlevel, strcmp(namespace_search_path, CODEC_SEARCH_PATH) == 0,
				"search_path", CODEC_SEARCH_PATH);
	pin_setting(&nestlevel, DateStyle == USE_ISO_DATES, "datestyle", "ISO");
	pin_setting(&nestlevel, IntervalStyle == INTSTYLE_POSTGRES,
				"intervalstyle", "postgres");
	pin_setting(&nestlevel, extra_float_digits == 1, "extra_float_digits", "1");
	pin_setting(&nestlevel, bytea_output == BYTEA_OUTPUT_HEX, "bytea_output", "hex");
	pin_setting(&nestlevel, !quote_all_identifiers, "quote_all_identifiers", "off");
	pin_setting(&nestlevel, Array_nulls, "array_nulls", "on");
	pin_setting(&nestlevel, xmloption == XMLOPTION_CONTENT, "xmloption", "content");
	pin_setting(&nestlevel, strcmp(locale_monetary, "C") == 0, "lc_monetary", "C");
	pin_setting(&nestlevel,
				session_timezone != NULL &&
				strcmp(pg_get_timezone_name(session_timezone), "UTC") == 0,
				"timezone", "UTC");
	return nestlevel;
}

void
cvg_codec_leave(int nestlevel)
{
	if (nestlevel != 0)
		AtEOXact_GUC(true, nestlevel);
}

/* The bytes of a varlena, as characters in UTF-8 if it holds characters. */
static void
put_varlena(CvgBuf *out, Datum value, bool characters)
{
	struct varlena *v = PG_DETOAST_DATUM_PACKED(value);
	const char *data = VARDATA_ANY(v);
	size_t		len = VARSIZE_ANY_EXHDR(v);

	if (characters)
		data = to_wire(data, &len);
	cvg_put_value(out, CVG_VALUE_BINARY, data, len);
}

static void
put_sent(CvgCodec *codec, Datum value, CvgBuf *out)
{
	int			nestlevel = pin_client_encoding(codec);
	bytea	   *bytes = SendFunctionCall(&codec->out, value);

	cvg_codec_leave(nestlevel);
	cvg_put_value(out, CVG_VALUE_BINARY, VARDATA(bytes), VARSIZE(bytes) - VARHDRSZ);
}

static void
put_text(CvgCodec *codec, Datum value, CvgBuf *out)
{
	const char *str = OutputFunctionCall(&codec->out, value);
	size_t		len = strlen(str);

	str = to_wire(str, &len);
	cvg_put_value(out, CVG_VALUE_TEXT, str, len);
}

static void
put_uint16(CvgBuf *out, uint16 v)
{
	v = pg_hton16(v);
	cvg_put_value(out, CVG_VALUE_BINARY, &v, sizeof(v));
}

static void
put_uint32(CvgBuf *out, uint32 v)
{
	v = pg_hton32(v);
	cvg_put_value(out, CVG_VALUE_BINARY, &v, sizeof(v));
}

static void
put_uint64(CvgBuf *out, uint64 v)
{
	v = pg_hton64(v);
	cvg_put_value(out, CVG_VALUE_BINARY, &v, sizeof(v));
}

void
cvg_codec_put(CvgCodec *codec, Datum value, bool isnull, CvgBuf *out)
{
	if (isnull)
	{
		cvg_put_value(out, CVG_VALUE_NULL, NULL, 0);
		return;
	}
	if (codec->text)
	{
		put_text(codec, value, out);
		return;
	}

	switch ((FastFormat) codec->fast)
	{
		case FAST_NONE:
		case FAST_NEUTRAL:
			put_sent(codec, value, out);
			break;
		case FAST_BOOL:
			{
				uint8		b = DatumGetBool(value) ? 1 : 0;

				cvg_put_value(out, CVG_VALUE_BINARY, &b, 1);
			}
			break;
		case FAST_INT2:
			put_uint16(out, (uint16) DatumGetInt16(value));
			break;
		case FAST_INT4:
		case FAST_OID:
		case FAST_DATE:
			put_uint32(out, DatumGetUInt32(value));
			break;
		case FAST_INT8:
		case FAST_FLOAT8:
		case FAST_TIMESTAMP:
			put_uint64(out, (uint64) DatumGetInt64(value));
			break;
		case FAST_UUID:
			cvg_put_value(out, CVG_VALUE_BINARY, DatumGetUUIDP(value)->data, UUID_LEN);
			break;
		case FAST_TEXT:
		case FAST_VARCHAR:
		case FAST_BPCHAR:
			put_varlena(out, value, true);
			break;
		case FAST_BYTEA:
			put_varlena(out, value, false);
			break;
	}
}

pg_noinline static void
bad_binary(CvgCodec *codec)
{
	ereport(ERROR,
			(errcode(ERRCODE_INVALID_BINARY_REPRESENTATION),
			 errmsg("invalid bytes for a value of type %s",
					format_type_be(codec->type))));
}

static inline void
check_length(CvgCodec *codec, CvgSlice bytes, size_t len)
{
	if (bytes.len != len)
		bad_binary(codec);
}

static inline uint16
get_uint16(CvgCodec *codec, CvgSlice bytes)
{
	uint16		v;

	check_length(codec, bytes, sizeof(v));
	memcpy(&v, bytes.data, sizeof(v));
	return pg_ntoh16(v);
}

static inline uint32
get_uint32(CvgCodec *codec, CvgSlice bytes)
{
	uint32		v;

	check_length(codec, bytes, sizeof(v));
	memcpy(&v, bytes.data, sizeof(v));
	return pg_ntoh32(v);
}

static inline uint64
get_uint64(CvgCodec *codec, CvgSlice bytes)
{
	uint64		v;

	check_length(codec, bytes, sizeof(v));
	memcpy(&v, bytes.data, sizeof(v));
	return pg_ntoh64(v);
}

static Datum
get_date(CvgCodec *codec, CvgSlice bytes)
{
	DateADT		date = (DateADT) get_uint32(codec, bytes);

	if (!DATE_NOT_FINITE(date) && !IS_VALID_DATE(date))
		ereport(ERROR,
				(errcode(ERRCODE_DATETIME_VALUE_OUT_OF_RANGE),
				 errmsg("date out of range")));
	return DateADTGetDatum(date);
}

static Datum
get_timestamp(CvgCodec *codec, CvgSlice bytes)
{
	Timestamp	ts = (Timestamp) get_uint64(codec, bytes);

	if (!TIMESTAMP_NOT_FINITE(ts) && !IS_VALID_TIMESTAMP(ts))
		ereport(ERROR,
				(errcode(ERRCODE_DATETIME_VALUE_OUT_OF_RANGE),
				 errmsg("timestamp out of range")));
	return TimestampGetDatum(ts);
}

static Datum
get_float8(CvgCodec *codec, CvgSlice bytes)
{
	uint64		bits = get_uint64(codec, bytes);
	float8		v;

	memcpy(&v, &bits, sizeof(v));
	return Float8GetDatum(v);
}

static Datum
get_uuid(CvgCodec *codec, CvgSlice bytes)
{
	pg_uuid_t  *uuid = palloc(sizeof(pg_uuid_t));

	check_length(codec, bytes, UUID_LEN);
	memcpy(uuid->data, bytes.data, UUID_LEN);
	return UUIDPGetDatum(uuid);
}

static Datum
make_varlena(const char *data, size_t len)
{
	struct varlena *v;

	if (len > MaxAllocSize - VARHDRSZ)
		ereport(ERROR,
				(errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
				 errmsg("value of %zu bytes is too long", len)));
	v = palloc(len + VARHDRSZ);
	SET_VARSIZE(v, len + VARHDRSZ);
	if (len > 0)
		memcpy(VARDATA(v), data, len);
	return PointerGetDatum(v);
}

/*
 * A text-like value.  Where this column is declared shorter than the sender's
 * was, the type's own coercion decides: it pads, or raises 22001.
 */
static Datum
get_characters(CvgCodec *codec, CvgSlice bytes)
{
	size_t		len = bytes.len;
	const char *str = from_wire((const char *) bytes.data, &len);
	Datum		value = make_varlena(str, len);
	int			maxlen = codec->typmod - VARHDRSZ;

	if (codec->typmod < (int32) VARHDRSZ)
		return value;
	if (codec->fast == FAST_VARCHAR && len > maxlen)
		return DirectFunctionCall3(varchar, value, Int32GetDatum(codec->typmod),
								   BoolGetDatum(false));
	if (codec->fast == FAST_BPCHAR && pg_mbstrlen_with_len(str, len) != maxlen)
		return DirectFunctionCall3(bpchar, value, Int32GetDatum(codec->typmod),
								   BoolGetDatum(false));
	return value;
}

/* A private copy with a NUL after it: receive functions may write there. */
static char *
terminated_copy(CvgSlice bytes)
{
	char	   *copy;

	if (bytes.len >= MaxAllocSize)
		ereport(ERROR,
				(errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
				 errmsg("value of %zu bytes is too long", bytes.len)));
	copy = palloc(bytes.len + 1);
	if (bytes.len > 0)
		memcpy(copy, bytes.data, bytes.len);
	copy[bytes.len] = '\0';
	return copy;
}

static Datum
get_received(CvgCodec *codec, CvgSlice bytes)
{
	StringInfoData buf;
	int			nestlevel;
	Datum		value;

	buf.data = terminated_copy(bytes);
	buf.len = bytes.len;
	buf.maxlen = bytes.len + 1;
	buf.cursor = 0;

	nestlevel = pin_client_encoding(codec);
	value = ReceiveFunctionCall(&codec->in_binary, &buf, codec->ioparam,
								codec->typmod);
	cvg_codec_leave(nestlevel);
	if (buf.cursor != buf.len)
		bad_binary(codec);
	return value;
}

static Datum
get_text(CvgCodec *codec, CvgSlice bytes)
{
	size_t		len = bytes.len;
	const char *str = from_wire(terminated_copy(bytes), &len);

	return InputFunctionCall(&codec->in_text, unconstify(char *, str),
							 codec->ioparam, codec->typmod);
}

static Datum
get_binary(CvgCodec *codec, CvgSlice bytes)
{
	switch ((FastFormat) codec->fast)
	{
		case FAST_NONE:
		case FAST_NEUTRAL:
			break;
		case FAST_BOOL:
			check_length(codec, bytes, 1);
			return BoolGetDatum(bytes.data[0] != 0);
		case FAST_INT2:
			return Int16GetDatum((int16) get_uint16(codec, bytes));
		case FAST_INT4:
			return Int32GetDatum((int32) get_uint32(codec, bytes));
		case FAST_OID:
			return ObjectIdGetDatum((Oid) get_uint32(codec, bytes));
		case FAST_DATE:
			return get_date(codec, bytes);
		case FAST_INT8:
			return Int64GetDatum((int64) get_uint64(codec, bytes));
		case FAST_FLOAT8:
			return get_float8(codec, bytes);
		case FAST_TIMESTAMP:
			return get_timestamp(codec, bytes);
		case FAST_UUID:
			return get_uuid(codec, bytes);
		case FAST_TEXT:
		case FAST_VARCHAR:
		case FAST_BPCHAR:
			return get_characters(codec, bytes);
		case FAST_BYTEA:
			return make_varlena((const char *) bytes.data, bytes.len);
	}
	return get_received(codec, bytes);
}

Datum
cvg_codec_get(CvgCodec *codec, CvgValue value, bool *isnull)
{
	Datum		result = (Datum) 0;

	*isnull = value.kind == CVG_VALUE_NULL;
	switch (value.kind)
	{
		case CVG_VALUE_NULL:
			break;
		case CVG_VALUE_TEXT:
			result = get_text(codec, value.bytes);
			break;
		case CVG_VALUE_BINARY:
			if (codec->text)
				ereport(ERROR,
						(errcode(ERRCODE_PROTOCOL_VIOLATION),
						 errmsg("value of type %s came in binary form, which is not portable",
								format_type_be(codec->type))));
			result = get_binary(codec, value.bytes);
			break;
	}

	/* The domain may be stricter here than where the value was written. */
	if (codec->type != codec->base)
		domain_check(result, *isnull, codec->type, &codec->domain_cache,
					 codec->mcxt);
	return result;
}
