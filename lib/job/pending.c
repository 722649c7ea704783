#include "lib/job/pending.h"

#include "gguf/gguf.h"
#include "lib/base/text.h"
#include "lib/sys/journal.h"
#include "lib/sys/patch.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct asked {
    enum gg_pending_how how;
    struct gg_findings *findings;
    bool many; /* the file is to be named */
};

static void note(const struct asked *a, const char *path, enum gg_severity severity,
                 const char *code, uint64_t off, const char *text, uint64_t nbytes)
{
    char shown[256] = "";
    if (a->many)
        gg_text_escape_into(shown, sizeof shown, path, strlen(path));
    gg_findings_add(a->findings, severity, code, NULL, 0, off,
                    "%s%san edit of %llu byte%s was interrupted%s", shown, a->many ? ": " : "",
                    (unsigned long long)nbytes, nbytes == 1 ? "" : "s", text);
}

/* Where it cannot be settled, a header that is whole can be used all the same. */
static void say_pending(const struct asked *a, const char *path, const struct gg_patch_pending *p)
{
    enum gg_severity whole = a->how == GG_PENDING_LOOK ? GG_FAULT : GG_WARN;
    const struct {
        enum gg_patch_state state;
        enum gg_severity severity;
        const char *text;
    } words[] = {
        {GG_PATCH_BEFORE, whole,
         " before any was written: the next ggtool command that opens the file finishes it, "
         "'ggtool edit --undo' leaves the file as it is"},
        {GG_PATCH_BETWEEN, GG_FAULT,
         " half-way, so that the header is neither old nor new: the next ggtool command that opens "
         "the file finishes it, 'ggtool edit --undo' takes it back"},
        {GG_PATCH_AFTER, whole,
         " when all were written: 'ggtool edit --undo' can still take it back, the next ggtool "
         "command that opens the file leaves it so"},
        {GG_PATCH_STRANGER, GG_FAULT,
         ", but the journal beside the file is not of the file as it is now; one of the two has "
         "been replaced"},
    };
    char shown[256] = "";
    if (a->many)
        gg_text_escape_into(shown, sizeof shown, path, strlen(path));
    if (p->state == GG_PATCH_UNBEGUN)
        gg_findings_add(a->findings, GG_WARN, "pending", NULL, 0, GG_NOWHERE,
                        "%s%sa change to it was interrupted before it began, or begins just now: its "
                        "journal is empty", shown, a->many ? ": " : "");
    if (p->state == GG_PATCH_NONE)
        gg_findings_add(a->findings, GG_FAULT, "pending", NULL, 0, GG_NOWHERE,
                        "%s%sa change to it was interrupted, or is going on: its journal is there",
                        shown, a->many ? ": " : "");
    for (size_t i = 0; i < sizeof words / sizeof words[0]; i++) {
        if (words[i].state == p->state)
            note(a, path, words[i].severity, "edit-pending", p->off, words[i].text, p->nbytes);
    }
}

static void say_settled(const struct asked *a, const char *path, const struct gg_patch_pending *p)
{
    if (p->state == GG_PATCH_BEFORE || p->state == GG_PATCH_BETWEEN || p->state == GG_PATCH_AFTER)
        note(a, path, GG_NOTE, "edit-settled", p->off,
             a->how == GG_PENDING_UNDO ? "; it is undone now" : "; it is finished now", p->nbytes);
}

static int one(const struct asked *a, const char *path, struct gg_err *err)
{
    struct gg_patch_pending p;
    struct gg_err unsaid;
    if (access(path, F_OK) != 0 || !gg_journal_exists(path))
        return GG_OK;
    if (a->how == GG_PENDING_LOOK) {
        int rc = gg_patch_look(path, &p, &unsaid);
        if (rc == GG_ERR_NOMEM)
            return gg_fail_nomem(err, "a journal");
        if (rc != GG_OK) /* it cannot be read, but it is there */
            p.state = GG_PATCH_NONE;
        say_pending(a, path, &p);
        return GG_OK;
    }
    int rc = gg_patch_settle(path, a->how == GG_PENDING_UNDO, &p, err);
    if (rc != GG_OK)
        return rc;
    if (p.settled)
        say_settled(a, path, &p);
    else if (p.state != GG_PATCH_NONE)
        say_pending(a, path, &p);
    return GG_OK;
}

static int each_shard(const struct asked *a, const char *path, size_t prefix_nbytes, uint32_t count,
                      struct gg_err *err)
{
    size_t room = prefix_nbytes + 64;
    char *prefix = strndup(path, prefix_nbytes), *shard = malloc(room);
    int rc = prefix == NULL || shard == NULL ? gg_fail_nomem(err, "a file name") : GG_OK;
    for (uint32_t i = 0; rc == GG_OK && i < count; i++) {
        if (ggf_split_path(shard, room, prefix, i, count))
            rc = one(a, shard, err);
    }
    free(prefix);
    free(shard);
    return rc;
}

int gg_pending(const char *path, enum gg_pending_how how, struct gg_findings *findings,
               struct gg_err *err)
{
    struct asked a = {how, findings, false};
    size_t prefix;
    uint32_t no, count;
    if (strcmp(path, "-") == 0)
        return GG_OK;
    a.many = ggf_split_parse(path, &prefix, &no, &count);
    int rc = a.many ? each_shard(&a, path, prefix, count, err) : one(&a, path, err);
    if (rc == GG_OK && findings->failed)
        rc = gg_fail_nomem(err, "the list of findings");
    return rc;
}
