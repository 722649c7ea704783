#include "cmds/say.h"

void cmd_say_normalized(struct cmd_env *env, const struct gg_model *m, size_t max_findings)
{
    for (size_t i = 0; m->set != NULL && i < ggf_set_n_files(m->set); i++) {
        const struct ggf_file *f = ggf_set_file(m->set, i);
        uint32_t version = ggf_file_version(f);
        if (version != 3 || ggf_file_big_endian(f))
            gg_msg_note(&env->msg, "%s: GGUF v%u%s; the output is v3, little-endian",
                        m->files[i].path, (unsigned)version,
                        ggf_file_big_endian(f) ? ", big-endian" : "");
    }
    gg_msg_findings(&env->msg, m->name, &m->findings, env->msg.level > 0 ? 0 : max_findings);
}
