/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A cache command and its keys: what a person named stays, what a program put in becomes {}. Keys are cut
 * into segments at : / | # * ? & = and braces (Redis's hash tags), segments into pieces at . - and _. A
 * piece of letters is a name; digits behind a name are a value, everything else that holds a digit is one,
 * but for a version (v2). Where in doubt it is a value: two keys taken for one cost a reader little, a value
 * taken for a name leaves the process. A value of plain letters ("user:alice") cannot be told from a name.
 */
#include "model/operation.h"

#include "model/words.h"

#define VERB_MAX       32 /* JSON.ARRAPPEND and the like */
#define NAME_MAX       24 /* letters in one piece */
#define SEGMENT_MAX    64 /* characters of names in one segment */
#define VERSION_MAX    3  /* v12 */
#define PREFIX_MIN     2  /* letters of a name with a number behind it */
#define UUID_LIKE_MIN  16
#define KEYS_MAX       16 /* different patterns in one text */
#define HOLE           "{}"
#define CUT_MARK       "…"
#define CUT_MARK_BYTES (sizeof CUT_MARK - 1)

struct pattern {
    value_fn value;
    void *context;
    char *to;
    size_t len, room;
    size_t word; /* where the one being written begins */
    size_t key_count;
    struct str keys[KEYS_MAX]; /* in the text */
    bool full;
};

static void put(struct pattern *out, const char *data, size_t len)
{
    if (out->full) return;
    if (len > out->room - out->len) {
        out->full = true;
        return;
    }
    memcpy(out->to + out->len, data, len);
    out->len += len;
}

/* Values side by side are one: their number says nothing. */
static void put_hole(struct pattern *out)
{
    size_t hole = sizeof HOLE - 1;
    bool beside = out->len >= out->word + hole && memcmp(out->to + out->len - hole, HOLE, hole) == 0;
    if (!beside) put(out, HOLE, hole);
}

static void put_value(struct pattern *out, struct str value)
{
    put_hole(out);
    if (out->value && value.len) out->value(out->context, value);
}

/* ---- characters ---- */

static bool is_digit(char c) { return c >= '0' && c <= '9'; }
static bool is_letter(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); }
static bool is_hex(char c) { return is_digit(c) || ((c | 0x20) >= 'a' && (c | 0x20) <= 'f'); }
static bool is_among(char c, const char *set) { return c && strchr(set, c); }
static bool is_joint(char c) { return is_among(c, ".-_"); }
static bool is_break(char c) { return is_among(c, ":/|#*?&={}"); }

static size_t length_of(struct str text, bool (*belongs)(char))
{
    size_t len = 0;
    while (len < text.len && belongs(text.data[len])) len++;
    return len;
}

static struct str behind(struct str text, size_t len) { return str_view(text.data + len, text.len - len); }

/* ---- what is a value? ---- */

/* As a whole, before it is cut into pieces: numbers and dates (17, 12.5, 2024-01-02), UUIDs and hashes, and what no
 * person writes into a name (an address, bytes that are no ASCII, a long text). */
static bool is_value(struct str segment)
{
    size_t digits = 0, hexes = 0, joints = 0;
    for (size_t i = 0; i < segment.len; i++) {
        char c = segment.data[i];
        if (!is_letter(c) && !is_digit(c) && !is_joint(c)) return true;
        digits += is_digit(c);
        hexes += is_hex(c);
        joints += is_joint(c);
    }
    if (segment.len > SEGMENT_MAX) return true;
    if (digits && digits + joints == segment.len) return true;
    return digits && segment.len >= UUID_LIKE_MIN && hexes + joints == segment.len;
}

static bool is_version(struct str piece, size_t letters)
{
    return letters == 1 && (piece.data[0] | 0x20) == 'v' && piece.len > 1 && piece.len <= VERSION_MAX;
}

/* "user42": a name with a number; "beef42" may as well be a hash. */
static bool is_numbered_name(struct str piece, size_t letters)
{
    return letters >= PREFIX_MIN && letters <= NAME_MAX &&
           length_of(str_view(piece.data, letters), is_hex) < letters;
}

static void put_piece(struct pattern *out, struct str piece)
{
    size_t letters = length_of(piece, is_letter);
    struct str digits = behind(piece, letters);
    bool ends_in_digits = digits.len && length_of(digits, is_digit) == digits.len;
    if ((digits.len == 0 && letters <= NAME_MAX) || (ends_in_digits && is_version(piece, letters))) {
        put(out, piece.data, piece.len);
    } else if (ends_in_digits && is_numbered_name(piece, letters)) {
        put(out, piece.data, letters);
        put_value(out, digits);
    } else {
        put_value(out, piece);
    }
}

static bool is_in_piece(char c) { return !is_joint(c); }
static bool is_in_segment(char c) { return !is_break(c); }
static bool is_in_word(char c) { return c != ' '; }

static void put_segment(struct pattern *out, struct str segment)
{
    if (is_value(segment)) {
        put_value(out, segment);
        return;
    }
    while (segment.len) {
        size_t piece = length_of(segment, is_in_piece);
        if (piece) put_piece(out, str_view(segment.data, piece));
        segment = behind(segment, piece);
        if (segment.len) {
            put(out, segment.data, 1);
            segment = behind(segment, 1);
        }
    }
}

/* ---- words ---- */

static void put_key(struct pattern *out, struct str key)
{
    while (key.len) {
        size_t segment = length_of(key, is_in_segment);
        if (segment) put_segment(out, str_view(key.data, segment));
        key = behind(key, segment);
        if (str_starts(key, HOLE)) {
            put_hole(out);
            key = behind(key, sizeof HOLE - 1);
        } else if (key.len) {
            put(out, key.data, 1);
            key = behind(key, 1);
        }
    }
}

static bool is_verb(struct str word)
{
    if (word.len > VERB_MAX || !is_letter(word.data[0])) return false;
    for (size_t i = 0; i < word.len; i++)
        if (!is_letter(word.data[i]) && !is_digit(word.data[i]) && !is_joint(word.data[i])) return false;
    return true;
}

static void put_verb(struct pattern *out, struct str verb)
{
    for (size_t i = 0; i < verb.len; i++) {
        char upper = word_upper(verb.data[i]);
        put(out, &upper, 1);
    }
}

/* A key like one before it is not said again: MGET of 2 and of 50 prices is one operation. */
static bool is_known(const struct pattern *out)
{
    struct str word = str_view(out->to + out->word, out->len - out->word);
    for (size_t i = 0; i < out->key_count; i++)
        if (str_equal(out->keys[i], word)) return true;
    return false;
}

/* Writes one more key, and takes it back if it is known. A pattern has so many; the rest is cut off. */
static void put_next_key(struct pattern *out, struct str key)
{
    size_t before = out->len;
    if (before) put(out, " ", 1);
    out->word = out->len;
    put_key(out, key);
    if (out->full) return;
    if (!is_known(out) && out->key_count < KEYS_MAX) {
        out->keys[out->key_count++] = str_view(out->to + out->word, out->len - out->word);
        return;
    }
    out->full = !is_known(out);
    out->len = before;
}

size_t normalise_key(struct str command, char to[OPERATION_TEXT_MAX], value_fn value, void *context)
{
    struct pattern out = {
        .value = value, .context = context, .to = to, .room = OPERATION_TEXT_MAX - CUT_MARK_BYTES};
    for (bool first = true; command.len;) {
        size_t len = length_of(command, is_in_word);
        struct str word = str_view(command.data, len);
        command = behind(command, len < command.len ? len + 1 : len);
        if (word.len == 0) continue;
        if (first && is_verb(word))
            put_verb(&out, word);
        else
            put_next_key(&out, word);
        first = false;
    }
    if (out.full) {
        memcpy(to + out.len, CUT_MARK, CUT_MARK_BYTES);
        out.len += CUT_MARK_BYTES;
    }
    return out.len;
}
