#include "targets/residency/inventory.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "schema/base/fs.h"
#include "schema/base/json.h"
#include "schema/base/map.h"

#define ITEMS_MAX 200000 /* of one kind */
#define STRING_BYTES_MAX 200

struct reader {
    struct arena *arena;
    const char *kind; /* "NetworkInterfaces" */
    size_t number;
    struct err *err;
};

static bool refuse(struct reader *r, const char *what, const char *member)
{
    err_reason(r->err, ERR_CONFIG, "bad_inventory", "inventory: %s %zu: %s %s", r->kind, r->number,
               member, what);
    return false;
}

static const cJSON *get(const cJSON *item, const char *member)
{
    return cJSON_GetObjectItemCaseSensitive(item, member);
}

static bool read_string(struct reader *r, const cJSON *item, const char *member, const char **out)
{
    const cJSON *s = get(item, member);

    *out = "";
    if (s == NULL || cJSON_IsNull(s))
        return true;
    if (!cJSON_IsString(s) || strlen(s->valuestring) > STRING_BYTES_MAX)
        return refuse(r, "is not a short string", member);
    *out = arena_strdup(r->arena, s->valuestring);
    return true;
}

static bool read_id(struct reader *r, const cJSON *item, const char *member, const char **out)
{
    if (!read_string(r, item, member, out))
        return false;
    if ((*out)[0] == '\0' || strlen(*out) > EC2_ID_BYTES_MAX)
        return refuse(r, "is missing or too long", member);
    return true;
}

static bool read_bool(struct reader *r, const cJSON *item, const char *member, bool *out)
{
    const cJSON *b = get(item, member);

    if (b == NULL || cJSON_IsNull(b))
        return true;
    if (!cJSON_IsBool(b))
        return refuse(r, "is not true or false", member);
    *out = cJSON_IsTrue(b);
    return true;
}

/* The array under member; NULL with *ok still true when there is none. */
static const cJSON *array_of(struct reader *r, const cJSON *item, const char *member, size_t *n,
                             bool *ok)
{
    const cJSON *array = get(item, member);

    *n = 0;
    if (array == NULL || cJSON_IsNull(array))
        return NULL;
    if (!cJSON_IsArray(array) || cJSON_GetArraySize(array) > ITEMS_MAX) {
        *ok = refuse(r, "is not a list of bearable length", member);
        return NULL;
    }
    *n = (size_t)cJSON_GetArraySize(array);
    return array;
}

static bool read_address(struct reader *r, const cJSON *item, const char *member,
                         struct address *out)
{
    const char *text;

    if (!read_string(r, item, member, &text))
        return false;
    if (!address_parse(text, out))
        return refuse(r, "is not an address", member);
    return true;
}

static bool read_association(struct reader *r, const cJSON *item, struct net_interface *out)
{
    static const char *const members[] = {"PublicIp", "CarrierIp", "CustomerOwnedIp"};
    const cJSON *association = get(item, "Association");

    for (size_t i = 0; i < sizeof(members) / sizeof(members[0]); i++) {
        if (get(association, members[i]) == NULL)
            continue;
        if (!read_address(r, association, members[i], &out->translated[out->n_translated]))
            return false;
        out->n_translated++;
    }
    return true;
}

static bool read_addresses(struct reader *r, const cJSON *item, struct net_interface *out)
{
    bool ok = true;
    size_t n4;
    size_t n6;
    const cJSON *v4 = array_of(r, item, "PrivateIpAddresses", &n4, &ok);
    const cJSON *v6 = array_of(r, item, "Ipv6Addresses", &n6, &ok);

    if (!ok)
        return false;
    out->addresses = arena_alloc(r->arena, (n4 + n6) * sizeof(*out->addresses) + 1);
    out->translated = arena_alloc(r->arena, (n4 + 1) * 3 * sizeof(*out->translated));
    for (const cJSON *a = v4 ? v4->child : NULL; a != NULL; a = a->next) {
        if (!read_address(r, a, "PrivateIpAddress", &out->addresses[out->n_addresses++]) ||
            !read_association(r, a, out))
            return false;
    }
    for (const cJSON *a = v6 ? v6->child : NULL; a != NULL; a = a->next)
        if (!read_address(r, a, "Ipv6Address", &out->addresses[out->n_addresses++]))
            return false;
    return read_association(r, item, out);
}

static bool read_interface(struct reader *r, const cJSON *item, void *place)
{
    struct net_interface *out = place;
    const cJSON *attachment = get(item, "Attachment");

    out->is_managed = true;
    out->has_source_dest_check = false;
    return read_id(r, item, "NetworkInterfaceId", &out->id) &&
           read_string(r, item, "InterfaceType", &out->type) &&
           read_id(r, item, "VpcId", &out->vpc_id) &&
           read_id(r, item, "SubnetId", &out->subnet_id) &&
           read_string(r, item, "Status", &out->status) &&
           read_bool(r, item, "RequesterManaged", &out->is_managed) &&
           read_bool(r, item, "SourceDestCheck", &out->has_source_dest_check) &&
           read_string(r, attachment, "Status", &out->attachment_status) &&
           read_string(r, attachment, "InstanceId", &out->instance_id) &&
           read_addresses(r, item, out);
}

static bool read_cidr(struct reader *r, const cJSON *item, const char *member, struct cidr *out)
{
    const char *text;

    if (!read_string(r, item, member, &text))
        return false;
    if (!cidr_parse(text, out))
        return refuse(r, "is not an address range", member);
    return true;
}

/* Ranges that are being taken away or failed to come do not count. */
static bool is_associated(const cJSON *association, const char *state_member)
{
    const cJSON *state = get(get(association, state_member), "State");

    return cJSON_IsString(state) && strcmp(state->valuestring, "associated") == 0;
}

/* CidrBlock and the associated ranges of both families. */
static bool read_cidrs(struct reader *r, const cJSON *item, struct cidr **cidrs, size_t *n_cidrs)
{
    bool ok = true;
    size_t n4;
    size_t n6;
    const cJSON *v4 = array_of(r, item, "CidrBlockAssociationSet", &n4, &ok);
    const cJSON *v6 = array_of(r, item, "Ipv6CidrBlockAssociationSet", &n6, &ok);

    if (!ok)
        return false;
    *cidrs = arena_alloc(r->arena, (n4 + n6 + 1) * sizeof(**cidrs));
    if (get(item, "CidrBlock") != NULL) /* an IPv6-only subnet has none */
        ok = read_cidr(r, item, "CidrBlock", &(*cidrs)[(*n_cidrs)++]);
    for (const cJSON *a = v4 ? v4->child : NULL; ok && a != NULL; a = a->next)
        if (is_associated(a, "CidrBlockState"))
            ok = read_cidr(r, a, "CidrBlock", &(*cidrs)[(*n_cidrs)++]);
    for (const cJSON *a = v6 ? v6->child : NULL; ok && a != NULL; a = a->next)
        if (is_associated(a, "Ipv6CidrBlockState"))
            ok = read_cidr(r, a, "Ipv6CidrBlock", &(*cidrs)[(*n_cidrs)++]);
    return ok;
}

static bool read_subnet(struct reader *r, const cJSON *item, void *place)
{
    struct subnet *out = place;

    return read_id(r, item, "SubnetId", &out->id) && read_string(r, item, "SubnetArn", &out->arn) &&
           read_id(r, item, "VpcId", &out->vpc_id) &&
           read_string(r, item, "AvailabilityZoneId", &out->zone_id) &&
           read_string(r, item, "State", &out->state) &&
           read_cidrs(r, item, &out->cidrs, &out->n_cidrs);
}

static bool read_zone(struct reader *r, const cJSON *item, void *place)
{
    struct zone *out = place;

    return read_id(r, item, "ZoneId", &out->id) && read_string(r, item, "ZoneType", &out->type) &&
           read_string(r, item, "GroupName", &out->group);
}

static bool read_vpc(struct reader *r, const cJSON *item, void *place)
{
    struct vpc *out = place;

    return read_id(r, item, "VpcId", &out->id) && read_cidrs(r, item, &out->cidrs, &out->n_cidrs);
}

/* The id is the first member of each of the four kinds, so that twins are found in one place. */
static bool read_items(struct reader *r, const cJSON *root, size_t item_size,
                       bool (*read_item)(struct reader *r, const cJSON *item, void *place),
                       void **items, size_t *n_items)
{
    struct map seen = {0};
    size_t n;
    bool ok = true;
    const cJSON *array = array_of(r, root, r->kind, &n, &ok);
    char *place = arena_alloc(r->arena, n * item_size + 1);

    *items = place;
    for (const cJSON *item = array ? array->child : NULL; ok && item != NULL; item = item->next) {
        r->number++;
        if (!cJSON_IsObject(item))
            ok = refuse(r, "is not an object", "item");
        else
            ok = read_item(r, item, place);
        if (ok && map_put(&seen, bytes_str(*(const char **)(void *)place), place) != NULL)
            ok = refuse(r, "is there twice", *(const char **)(void *)place);
        place += item_size;
        (*n_items)++;
    }
    map_release(&seen);
    return ok;
}

static bool check_members(const cJSON *root, struct err *err)
{
    static const char *const known[] = {"captured_at", "NetworkInterfaces", "Subnets",
                                        "AvailabilityZones", "Vpcs"};
    const size_t n_known = sizeof(known) / sizeof(known[0]);

    for (const cJSON *item = root->child; item != NULL; item = item->next) {
        bool is_known = false;

        for (size_t i = 0; i < n_known; i++)
            is_known = is_known || strcmp(item->string, known[i]) == 0;
        if (!is_known) {
            err_reason(err, ERR_CONFIG, "bad_inventory",
                       "inventory: unknown member \"%.60s\" (a NextToken means that answers are "
                       "missing)",
                       item->string);
            return false;
        }
    }
    for (size_t i = 0; i < 4; i++)
        if (get(root, known[i]) == NULL) {
            err_reason(err, ERR_CONFIG, "bad_inventory", "inventory: no member \"%s\"", known[i]);
            return false;
        }
    return true;
}

static bool read_captured_at(struct inventory *inv, const cJSON *root, struct err *err)
{
    const cJSON *at = get(root, "captured_at");

    if (!cJSON_IsString(at) || strlen(at->valuestring) >= sizeof(inv->captured_at) ||
        !rfc3339_parse(at->valuestring, &inv->captured_us)) {
        err_reason(err, ERR_CONFIG, "bad_inventory",
                   "inventory: captured_at is not an RFC 3339 time");
        return false;
    }
    snprintf(inv->captured_at, sizeof(inv->captured_at), "%s", at->valuestring);
    return true;
}

static bool read_root(struct inventory *inv, const cJSON *root, struct err *err)
{
    struct reader interfaces = {&inv->arena, "NetworkInterfaces", 0, err};
    struct reader subnets = {&inv->arena, "Subnets", 0, err};
    struct reader zones = {&inv->arena, "AvailabilityZones", 0, err};
    struct reader vpcs = {&inv->arena, "Vpcs", 0, err};
    void *items[4] = {NULL, NULL, NULL, NULL};
    bool ok;

    if (!cJSON_IsObject(root)) {
        err_reason(err, ERR_CONFIG, "bad_inventory", "inventory: not a JSON object");
        return false;
    }
    ok = check_members(root, err) && read_captured_at(inv, root, err) &&
         read_items(&interfaces, root, sizeof(struct net_interface), read_interface, &items[0],
                    &inv->n_interfaces) &&
         read_items(&subnets, root, sizeof(struct subnet), read_subnet, &items[1],
                    &inv->n_subnets) &&
         read_items(&zones, root, sizeof(struct zone), read_zone, &items[2], &inv->n_zones) &&
         read_items(&vpcs, root, sizeof(struct vpc), read_vpc, &items[3], &inv->n_vpcs);
    inv->interfaces = items[0];
    inv->subnets = items[1];
    inv->zones = items[2];
    inv->vpcs = items[3];
    return ok;
}

void inventory_release(struct inventory *inv)
{
    arena_release(&inv->arena);
    *inv = (struct inventory){0};
}

bool inventory_parse(struct inventory *inv, struct bytes text, struct err *err)
{
    cJSON *root = NULL;
    bool ok;

    if (!json_parse(text, 0, &root, err)) {
        err_context(err, "inventory");
        return false;
    }
    sha256_hex(text, inv->sha256);
    ok = read_root(inv, root, err);
    cJSON_Delete(root);
    if (!ok)
        inventory_release(inv);
    return ok;
}

bool inventory_check_age(const struct inventory *inv, uint64_t now_wall_us, struct err *err)
{
    if (inv->captured_us > now_wall_us) {
        err_reason(err, ERR_REFUSED, "inventory_future",
                   "the inventory was captured at %s, which is in the future", inv->captured_at);
        return false;
    }
    if (now_wall_us - inv->captured_us > INVENTORY_AGE_MAX_US) {
        err_reason(err, ERR_REFUSED, "inventory_old",
                   "the inventory was captured at %s, more than 24 h ago; save the answers of the "
                   "EC2 API anew",
                   inv->captured_at);
        return false;
    }
    return true;
}

bool inventory_load(struct inventory *inv, const char *path, struct err *err)
{
    char *text = NULL;
    size_t len = 0;
    struct err io = ERR_INIT;
    bool ok;

    if (!fs_read_file(fs_real(), path, INVENTORY_BYTES_MAX, &text, &len, &io)) {
        err_reason(err, ERR_REFUSED, "inventory_unreadable", "inventory: %s", io.text);
        return false;
    }
    ok = inventory_parse(inv, bytes_of(text, len), err);
    free(text);
    return ok;
}

static bool two_digits(const char **p, int max, int *out)
{
    const char *s = *p;

    if (strspn(s, "0123456789") < 2)
        return false;
    *out = (s[0] - '0') * 10 + (s[1] - '0');
    *p += 2;
    return *out <= max;
}

static bool skip(const char **p, const char *set)
{
    if (**p == '\0' || strchr(set, **p) == NULL)
        return false;
    (*p)++;
    return true;
}

static uint64_t fraction_us(const char **p)
{
    uint64_t us = 0;
    uint64_t unit = 100000;

    while (**p >= '0' && **p <= '9') {
        us += (uint64_t)(**p - '0') * unit;
        unit /= 10;
        (*p)++;
    }
    return us;
}

static bool offset_s(const char **p, long *out)
{
    int sign = **p == '-' ? -1 : 1;
    int hours;
    int minutes;

    *out = 0;
    if (skip(p, "Zz"))
        return true;
    if (!skip(p, "+-") || !two_digits(p, 23, &hours) || !skip(p, ":") ||
        !two_digits(p, 59, &minutes))
        return false;
    *out = sign * (hours * 3600L + minutes * 60L);
    return true;
}

bool rfc3339_parse(const char *text, uint64_t *wall_us)
{
    const char *p = text;
    struct tm tm = {0};
    uint64_t us = 0;
    long offset;
    int century;
    int year;
    int month;
    time_t seconds;

    if (!two_digits(&p, 99, &century) || !two_digits(&p, 99, &year) || !skip(&p, "-") ||
        !two_digits(&p, 12, &month) || !skip(&p, "-") || !two_digits(&p, 31, &tm.tm_mday) ||
        !skip(&p, "Tt ") || !two_digits(&p, 23, &tm.tm_hour) || !skip(&p, ":") ||
        !two_digits(&p, 59, &tm.tm_min) || !skip(&p, ":") || !two_digits(&p, 60, &tm.tm_sec))
        return false;
    if (skip(&p, ".")) {
        if (*p < '0' || *p > '9')
            return false;
        us = fraction_us(&p);
    }
    if (!offset_s(&p, &offset) || *p != '\0' || month == 0 || tm.tm_mday == 0)
        return false;
    tm.tm_year = century * 100 + year - 1900;
    tm.tm_mon = month - 1;
    seconds = timegm(&tm) - offset;
    if (seconds < 0 || tm.tm_mon != month - 1) /* 31 February moved to March */
        return false;
    *wall_us = (uint64_t)seconds * 1000000 + us;
    return true;
}
