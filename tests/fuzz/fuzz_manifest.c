/* Fuzz: manifests, held against a model of two tensors. */
#include "lib/job/manifest.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
    static const struct gg_stored_tensor tensors[] = {{.name = {"a", 1}}, {.name = {"b:c", 3}}};
    static const struct gg_stored s = {.name = "dir/m.gguf", .tensors = tensors, .n = 2};
    static const uint8_t digest[GG_DIGEST_NBYTES];
    struct gg_findings f = GG_FINDINGS_INIT;
    struct gg_manifest *m;
    struct gg_err err;
    if (gg_manifest_parse(&m, data, n, "fuzz", &err) != GG_OK) {
        if (err.msg[0] == '\0')
            abort();
        return 0;
    }
    if (gg_manifest_kinds(m) == 0 && !gg_manifest_has_files(m))
        abort(); /* it would have been refused */
    const char *label = gg_manifest_label(m, &s);
    for (int k = 0; label != NULL && k < GG_DIGEST_COUNT; k++) {
        for (size_t i = 0; i < s.n; i++)
            (void)gg_manifest_check(m, (enum gg_digest_kind)k, label, &tensors[i].name, digest);
        (void)gg_manifest_check(m, (enum gg_digest_kind)k, label, NULL, digest);
    }
    (void)gg_manifest_check_file(m, "x/m.gguf", digest);
    if (label != NULL)
        gg_manifest_unasked(m, ~0u, label, &f);
    gg_findings_free(&f);
    gg_manifest_free(m);
    return 0;
}
