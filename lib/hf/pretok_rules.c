/* The table of pre-tokenizers.
 *
 * Definitions: tokenizer.json of the models named, as published, and where llama-vocab.cpp of llama.cpp
 * (2026-08-21) quotes what it was made from. Names, and which of them are cut alike: the same file. For
 * one cut it has several names; which one its converter writes is told by what else the files say (the
 * columns), else the first. The first row that fits counts.
 */
#include "lib/hf/pretok_rules.h"

#include "lib/base/num.h"

#define CONTRACTIONS "(?i:'s|'t|'re|'ve|'m|'ll|'d)"
#define TAIL " ?[^\\s\\p{L}\\p{N}]+[\\r\\n]*|\\s*[\\r\\n]+|\\s+(?!\\S)|\\s+"
#define UPPER "[\\p{Lu}\\p{Lt}\\p{Lm}\\p{Lo}\\p{M}]"
#define LOWER "[\\p{Ll}\\p{Lm}\\p{Lo}\\p{M}]"
#define CASED_TAIL " ?[^\\s\\p{L}\\p{N}]+[\\r\\n/]*|\\s*[\\r\\n]+|\\s+(?!\\S)|\\s+"
#define WORDS(digits) "Split " CONTRACTIONS "|[^\\r\\n\\p{L}\\p{N}]?\\p{L}+|" digits "|" TAIL " ; ByteLevel"
#define CASED(digits) \
    "Split [^\\r\\n\\p{L}\\p{N}]?" UPPER "*" LOWER "+" CONTRACTIONS "?|[^\\r\\n\\p{L}\\p{N}]?" UPPER \
    "+" LOWER "*" CONTRACTIONS "?|" digits "|" CASED_TAIL " ; ByteLevel"
#define HAN "&&[^\\p{Han}]]"
#define UPPER_NOT_HAN "[\\p{Lu}\\p{Lt}\\p{Lm}\\p{Lo}\\p{M}" HAN
#define LOWER_NOT_HAN "[\\p{Ll}\\p{Lm}\\p{Lo}\\p{M}" HAN
#define MARKED_WORDS \
    "Split [!\"#$%&'()*+,\\-./:;<=>?@\\[\\\\\\]^_`{|}~][A-Za-z]+|[^\\r\\n\\p{L}\\p{P}\\p{S}]?[\\p{L}\\p{M}]+| ?" \
    "[\\p{P}\\p{S}]+[\\r\\n]*|\\s*[\\r\\n]+|\\s+(?!\\S)|\\s+ ; ByteLevel"
#define POSSESSIVE(digits) \
    "Split '(?i:[sdmt]|ll|ve|re)|[^\\r\\n\\p{L}\\p{N}]?+\\p{L}+|" digits "| ?[^\\s\\p{L}\\p{N}]++[\\r\\n]*|" \
    "\\s*[\\r\\n]|\\s+(?!\\S)|\\s+ ; ByteLevel"
/* CJK up to U+9FA5, U+0800 to U+4E00, Hangul; CJK and kana. */
#define EAST_ASIAN \
    "[\xe4\xb8\x80-\xe9\xbe\xa5\xe0\xa0\x80-\xe4\xb8\x80\xea\xb0\x80-\xed\x9f\xbf]+"
#define CJK_KANA \
    "[\xe4\xb8\x80-\xe9\xbe\xa5\xe3\x81\x80-\xe3\x82\x9f\xe3\x82\xa0-\xe3\x83\xbf]+"
#define BLOOM_WORDS \
    "Split  ?[^(\\s|[.,!?\xe2\x80\xa6\xe3\x80\x82\xef\xbc\x8c\xe3\x80\x81\xe0\xa5\xa4\xdb\x94\xd8\x8c])]+ ; "
/* Letters of the alphabets with two cases, as DeepSeek-LLM and DeepSeek-V2 list them. */
#define LLM_LETTERS \
    "[A-Za-z\xc2\xb5\xc3\x80-\xc3\x96\xc3\x98-\xc3\xb6\xc3\xb8-\xc6\xba\xc6\xbc-\xc6\xbf" \
    "\xc7\x84-\xca\x93\xca\x95-\xca\xaf\xcd\xb0-\xcd\xb3\xcd\xb6\xcd\xb7\xcd\xbb-\xcd\xbd" \
    "\xcd\xbf\xce\x86\xce\x88-\xce\x8a\xce\x8c\xce\x8e-\xce\xa1\xce\xa3-\xcf\xb5\xcf\xb7-" \
    "\xd2\x81\xd2\x8a-\xd4\xaf\xd4\xb1-\xd5\x96\xe1\x82\xa0-\xe1\x83\x85\xe1\x8e\xa0-\xe1" \
    "\x8f\xb5\xe1\x8f\xb8-\xe1\x8f\xbd\xe1\xb2\x90-\xe1\xb2\xba\xe1\xb2\xbd-\xe1\xb2\xbf" \
    "\xe1\xb4\x80-\xe1\xb4\xab\xe1\xb5\xab-\xe1\xb5\xb7\xe1\xb5\xb9-\xe1\xb6\x9a\xe1\xb8" \
    "\x80-\xe1\xbc\x95\xe1\xbc\x98-\xe1\xbc\x9d\xe1\xbc\xa0-\xe1\xbd\x85\xe1\xbd\x88-\xe1" \
    "\xbd\x8d\xe1\xbd\x90-\xe1\xbd\x97\xe1\xbd\x99\xe1\xbd\x9b\xe1\xbd\x9d\xe1\xbd\x9f-" \
    "\xe1\xbd\xbd\xe1\xbe\x80-\xe1\xbe\xb4\xe1\xbe\xb6-\xe1\xbe\xbc\xe1\xbe\xbe\xe1\xbf" \
    "\x82-\xe1\xbf\x84\xe1\xbf\x86-\xe1\xbf\x8c\xe1\xbf\x90-\xe1\xbf\x93\xe1\xbf\x96-\xe1" \
    "\xbf\x9b\xe1\xbf\xa0-\xe1\xbf\xac\xe1\xbf\xb2-\xe1\xbf\xb4\xe1\xbf\xb6-\xe1\xbf\xbc" \
    "\xe2\x84\x82\xe2\x84\x87\xe2\x84\x8a-\xe2\x84\x93\xe2\x84\x95\xe2\x84\x99-\xe2\x84" \
    "\x9d\xe2\x84\xa4\xe2\x84\xa6\xe2\x84\xa8\xe2\x84\xaa-\xe2\x84\xad\xe2\x84\xaf-\xe2" \
    "\x84\xb4\xe2\x84\xb9\xe2\x84\xbc-\xe2\x84\xbf\xe2\x85\x85-\xe2\x85\x89\xe2\x85\x8e" \
    "\xe2\x86\x83\xe2\x86\x84\xe2\xb0\x80-\xe2\xb1\xbb\xe2\xb1\xbe-\xe2\xb3\xa4\xe2\xb3" \
    "\xab-\xe2\xb3\xae\xe2\xb3\xb2\xe2\xb3\xb3\xea\x99\x80-\xea\x99\xad\xea\x9a\x80-\xea" \
    "\x9a\x9b\xea\x9c\xa2-\xea\x9d\xaf\xea\x9d\xb1-\xea\x9e\x87\xea\x9e\x8b-\xea\x9e\x8e" \
    "\xea\xad\xb0-\xea\xae\xbf\xef\xac\x80-\xef\xac\x86\xef\xac\x93-\xef\xac\x97\xef\xbc" \
    "\xa1-\xef\xbc\xba\xef\xbd\x81-\xef\xbd\x9a\xf0\x90\x90\x80-\xf0\x90\x91\x8f\xf0\x90" \
    "\x92\xb0-\xf0\x90\x93\x93\xf0\x90\x93\x98-\xf0\x90\x93\xbb\xf0\x90\xb2\x80-\xf0\x90" \
    "\xb2\xb2\xf0\x90\xb3\x80-\xf0\x90\xb3\xb2\xf0\x91\xa2\xa0-\xf0\x91\xa3\x9f\xf0\x9e" \
    "\xa4\x80-\xf0\x9e\xa5\x83]+"
#define V2_LETTERS \
    "[A-Za-z\xc2\xb5\xc3\x80-\xc3\x96\xc3\x98-\xc3\xb6\xc3\xb8-\xc6\xbf\xc7\x84-\xca\x93" \
    "\xca\x95-\xca\xaf\xcd\xb0-\xcd\xb3\xcd\xb6\xcd\xb7\xcd\xbb-\xcd\xbd\xce\x86\xce\x88-" \
    "\xce\x8a\xce\x8c\xce\x8e-\xce\xa1\xce\xa3-\xcf\xb5\xcf\xb7-\xd2\x81\xd2\x8a-\xd4\xaf" \
    "\xd4\xb1-\xd5\x96\xe1\x82\xa0-\xe1\x83\x85\xe1\x8e\xa0-\xe1\x8f\xb5\xe1\x8f\xb8-\xe1" \
    "\x8f\xbd\xe1\xb2\x90-\xe1\xb2\xba\xe1\xb2\xbd-\xe1\xb2\xbf\xe1\xb4\x80-\xe1\xb4\xab" \
    "\xe1\xb5\xab-\xe1\xb5\xb7\xe1\xb5\xb9-\xe1\xb6\x9a\xe1\xb8\x80-\xe1\xbc\x95\xe1\xbc" \
    "\x98-\xe1\xbc\x9d\xe1\xbc\xa0-\xe1\xbd\x85\xe1\xbd\x88-\xe1\xbd\x8d\xe1\xbd\x90-\xe1" \
    "\xbd\x97\xe1\xbd\x99\xe1\xbd\x9b\xe1\xbd\x9d\xe1\xbd\x9f-\xcf\x8e\xe1\xbe\x80-\xe1" \
    "\xbe\xb4\xe1\xbe\xb6-\xe1\xbe\xbc\xce\xb9\xe1\xbf\x82-\xe1\xbf\x84\xe1\xbf\x86-\xe1" \
    "\xbf\x8c\xe1\xbf\x90-\xce\x90\xe1\xbf\x96-\xce\x8a\xe1\xbf\xa0-\xe1\xbf\xac\xe1\xbf" \
    "\xb2-\xe1\xbf\xb4\xe1\xbf\xb6-\xe1\xbf\xbc\xe2\x84\x82\xe2\x84\x87\xe2\x84\x8a-\xe2" \
    "\x84\x93\xe2\x84\x95\xe2\x84\x99-\xe2\x84\x9d\xe2\x84\xa4\xce\xa9\xe2\x84\xa8K-\xe2" \
    "\x84\xad\xe2\x84\xaf-\xe2\x84\xb4\xe2\x84\xb9\xe2\x84\xbc-\xe2\x84\xbf\xe2\x85\x85-" \
    "\xe2\x85\x89\xe2\x85\x8e\xe2\x86\x83\xe2\x86\x84\xe2\xb0\x80-\xe2\xb1\xbb\xe2\xb1" \
    "\xbe-\xe2\xb3\xa4\xe2\xb3\xab-\xe2\xb3\xae\xe2\xb3\xb2\xe2\xb3\xb3\xea\x99\x80-\xea" \
    "\x99\xad\xea\x9a\x80-\xea\x9a\x9b\xea\x9c\xa2-\xea\x9d\xaf\xea\x9d\xb1-\xea\x9e\x87" \
    "\xea\x9e\x8b-\xea\x9e\x8e\xea\xad\xb0-\xea\xae\xbf\xef\xac\x80-\xef\xac\x86\xef\xac" \
    "\x93-\xef\xac\x97\xef\xbc\xa1-\xef\xbc\xba\xef\xbd\x81-\xef\xbd\x9a\xf0\x90\x90\x80-" \
    "\xf0\x90\x91\x8f\xf0\x90\x92\xb0-\xf0\x90\x93\x93\xf0\x90\x93\x98-\xf0\x90\x93\xbb" \
    "\xf0\x90\xb2\x80-\xf0\x90\xb2\xb2\xf0\x90\xb3\x80-\xf0\x90\xb3\xb2\xf0\x91\xa2\xa0-" \
    "\xf0\x91\xa3\x9f\xf0\x9e\xa4\x80-\xf0\x9e\xa5\x83]+"
/* ASCII and full-width punctuation. */
#define WIDE_MARKS \
    "[!-/:-~\xef\xbc\x81-\xef\xbc\x8f\xef\xbc\x9a-\xef\xbd\x9e\xe2\x80\x98-\xe2\x80\x9f" \
    "\xe3\x80\x80-\xe3\x80\x82]+"
#define DEEPSEEK(letters, digits) \
    "Split [\\r\\n] ; Split \\s?" letters " ; Split \\s?" WIDE_MARKS " ; Split \\s+$ ; Split " EAST_ASIAN \
    " ; " digits " ; ByteLevel"
/* Hangul, punctuation of East Asia, Bopomofo, CJK and kana, in turn. */
#define YOUTU_RUNS \
    "[\xea\xb0\x80-\xed\x9e\xa3\xe3\x84\xb1-\xe3\x86\x8e]+|[\xef\xbc\x81\xe2\x80\xa6\xe2" \
    "\x80\x9c\xe2\x80\x9d\xe2\x80\x98\xe2\x80\x99\xe2\x80\x94\xef\xbc\x9a\xef\xbc\x9b\xef" \
    "\xbc\x8c\xe3\x80\x81-\xe3\x80\xbf\xef\xb8\xb0-\xef\xb9\x8f]+|[\xe3\x84\x85-\xe3\x84" \
    "\xaf]+|[\xe4\xb8\x80-\xe9\xbe\xa5\xe3\x81\x80-\xe3\x82\x9f\xe3\x82\xa0-\xe3\x83\xbf]" \
    "+"
#define LONG_BLANKS \
    "\\s{512}(?!\\S)|\\s{256}(?!\\S)|\\s{128}(?!\\S)|\\s{64}(?!\\S)|\\s{32}(?!\\S)|\\s{16}(?!\\S)|\\s{8}(?!\\S)|" \
    "\\s{4}(?!\\S)|\\s{1,2}(?!\\S)|\\s{1}"

#define LLAMA3_ALSO "llama3 llama-v3 falcon3 falcon-h1 pixtral midm-2.0 lfm2 jina-v5-nano"
#define GPT2_ALSO \
    "phi-2 jina-es jina-de jina-v2-es jina-v2-de gigachat a.x-4.0 mellum modern-bert exaone4 jais trillion " \
    "granite-docling"

const struct hf_pre_rule gg_hf_pre_rules[] = {
    {"glm4", WORDS("\\p{N}{1,3}"), NULL, HF_YES, "[gMASK]", 0, 0, 0, "GLM-4", "chatglm-bpe"},
    {"llama-bpe", WORDS("\\p{N}{1,3}"), NULL, HF_YES, NULL, 0, 0, 0, "Llama 3", LLAMA3_ALSO},
    {"dbrx", WORDS("\\p{N}{1,3}"), NULL, HF_NO, NULL, HF_YES, 0, 0, "DBRX, Phi-4", NULL},
    {"smaug-bpe", WORDS("\\p{N}{1,3}"), NULL, HF_NO, NULL, HF_NO, 0, 0,
     "Smaug, SmolLM3: Llama 3 without a start token", NULL},
    {"jais-2",
     "Split " CONTRACTIONS "|[^\\r\\n\\p{L}\\p{N}]?\\p{L}+|\\p{N}{1,3}| ?[^\\s\\p{L}\\p{N}]+[\\r\\n]*|"
     "\\s*[\\r\\n]+|" LONG_BLANKS " ; ByteLevel",
     NULL, 0, NULL, 0, 0, 0, "Jais 2", NULL},
    {"deepseek-r1-qwen", WORDS("\\p{N}"), NULL, HF_YES, NULL, 0, 0, 0, "DeepSeek-R1-Distill-Qwen", NULL},
    {"qwen2", WORDS("\\p{N}"), NULL, HF_NO, NULL, 0, 0, 0, "Qwen2, Qwen3",
     "stablelm2 megrez kormo f2llmv2 hunyuan solar-open grok-2"},
    {"laguna", "Split (MergedWithNext) (?:\\r?\\n)+(?!\\r?\\n) ; " WORDS("\\p{N}"), NULL, 0, NULL, 0, 0, 0,
     "Laguna", NULL},
    {"qwen35",
     "Split " CONTRACTIONS "|[^\\r\\n\\p{L}\\p{N}]?[\\p{L}\\p{M}]+|\\p{N}| ?[^\\s\\p{L}\\p{M}"
     "\\p{N}]+[\\r\\n]*|\\s*[\\r\\n]+|\\s+(?!\\S)|\\s+ ; ByteLevel",
     NULL, 0, NULL, 0, 0, 0, "Qwen3.5", NULL},
    {"exaone-moe",
     "Split " CONTRACTIONS "|[^\\r\\n\\p{L}\\p{N}]?(?:\\p{L}\\p{M}*(?: \\p{L}\\p{M}*)*)+|\\p{N}| ?"
     "[^\\s\\p{L}\\p{N}]+[\\r\\n/]?|\\s*[\\r\\n]|\\s+(?!\\S)|\\s+ ; ByteLevel",
     NULL, 0, NULL, 0, 0, 0, "K-EXAONE", NULL},
    {"minicpm5", "Split \\p{N}{1,3} ; " WORDS("\\p{N}+"), NULL, 0, NULL, 0, 0, 0, "MiniCPM5", NULL},
    {"seed-coder",
     "Split " CONTRACTIONS "|[^\\r\\n\\p{L}\\p{N}]?\\p{L}+|\\p{N}{1}| ?[^\\s\\p{L}\\p{N}"
     "\\r\\n]+|\\s*[\\r\\n]+|\\s+(?!\\S)|\\s+ ; ByteLevel",
     NULL, 0, NULL, 0, 0, 0, "Seed-Coder", NULL},
    {"bailingmoe", POSSESSIVE("\\p{N}"), NULL, 0, NULL, 0, 0, 0, "Ling, LLaDA-MoE", "bailingmoe2 llada-moe"},
    {"tekken",
     "Split [^\\r\\n\\p{L}\\p{N}]?" UPPER "*" LOWER "+|[^\\r\\n\\p{L}\\p{N}]?" UPPER "+" LOWER
     "*|\\p{N}|" CASED_TAIL " ; ByteLevel",
     NULL, 0, NULL, 0, 0, 0, "Mistral Nemo", NULL},
    {"llama4", CASED("\\p{N}{1,3}"), NULL, HF_YES, NULL, 0, 0, 0, "Llama 4", NULL},
    {"gpt-4o", CASED("\\p{N}{1,3}"), NULL, HF_NO, NULL, 0, 0, 0, "GPT-4o, gpt-oss, Phi-4-mini",
     "kanana2 talkie minimax-m2 granite-embed-multi-97m"},
    {"tiny_aya", "Split \\d{1,3}(?=(?:\\d{3})*\\b) ; " CASED("\\p{N}{1,3}"), NULL, 0, NULL, 0, 0, 0,
     "Tiny Aya", "cohere2moe"},
    {"youtu", "Split " YOUTU_RUNS " ; " CASED("\\p{N}"), NULL, 0, NULL, 0, 0, 0, "Youtu-LLM", NULL},
    {"kimi-k2",
     "Split [\\p{Han}]+|[^\\r\\n\\p{L}\\p{N}]?" UPPER_NOT_HAN "*" LOWER_NOT_HAN "+" CONTRACTIONS
     "?|[^\\r\\n\\p{L}\\p{N}]?" UPPER_NOT_HAN "+" LOWER_NOT_HAN "*" CONTRACTIONS
     "?|\\p{N}{1,3}|" TAIL " ; ByteLevel",
     NULL, 0, NULL, 0, 0, 0, "Kimi-K2", NULL},
    {"deepseek-v3", "Split \\p{N}{1,3} ; Split " CJK_KANA " ; " MARKED_WORDS, NULL, HF_YES, NULL, 0, 0, 0,
     "DeepSeek-V3", "hunyuan-dense"},
    {"joyai-llm", "Split \\p{N}{1,3} ; Split " CJK_KANA " ; " MARKED_WORDS, NULL, HF_NO, NULL, 0, 0, 0,
     "JoyAI-LLM: DeepSeek-V3 without a start token", NULL},
    {"deepseek-llm", DEEPSEEK(LLM_LETTERS, "Digits each"), NULL, 0, NULL, 0, 0, 0, "DeepSeek-LLM", NULL},
    {"deepseek-llm", DEEPSEEK(V2_LETTERS, "Digits each"), NULL, 0, NULL, 0, 0, 0, "DeepSeek-V2", NULL},
    {"deepseek-llm", DEEPSEEK(LLM_LETTERS, "Digits"), NULL, 0, NULL, 0, 0, 0, "DeepSeek-LLM", NULL},
    {"deepseek-coder",
     "Split [\\r\\n] ; Split \\s?\\p{L}+ ; Split \\s?\\p{P}+ ; Split " EAST_ASIAN
     " ; Digits each ; ByteLevel",
     NULL, 0, NULL, 0, 0, 0, "DeepSeek-Coder", NULL},
    {"falcon", "Punctuation (Contiguous) ; ByteLevel words ; Digits ; Split [0-9][0-9][0-9]", NULL, 0, NULL, 0,
     0, 0, "Falcon", NULL},
    {"superbpe", "Split \\p{N}+ ; Split (?=(\\d{3})+(?!\\d)) ; ByteLevel", NULL, 0, NULL, 0, 0, 0,
     "OLMo 2 SuperBPE", NULL},
    {"chameleon",
     "Split <sentinel:[0-9]+> ; Split (IMGIMG)((A|B|C|D|E|F|G|H|I){1,4})Z ; Split ([\\t\\n]|    |  ) ; "
     "Digits each ; Punctuation ; ByteLevel words",
     NULL, 0, NULL, 0, 0, 0, "Chameleon", NULL},
    {"bloom", BLOOM_WORDS "ByteLevel", NULL, 0, NULL, 0, 0, 0, "BLOOM", "poro-chat gpt3-finnish"},
    {"viking", BLOOM_WORDS "Digits each ; ByteLevel", NULL, 0, NULL, 0, 0, 0, "Viking", NULL},
    {"roberta-bpe", "ByteLevel words", NULL, 0, NULL, 0, HF_YES, 0, "RoBERTa", "jina-v1-en jina-v2-code"},
    {"olmo", "ByteLevel words", "NFC", 0, NULL, 0, HF_NO, 0, "OLMo, GPT-NeoX", "mpt"},
    {"gpt-2", "ByteLevel words", NULL, 0, NULL, 0, HF_NO, 0, "GPT-2", GPT2_ALSO},
    {"command-r", "Digits each ; ByteLevel words", "NFC", 0, NULL, 0, 0, 0, "Command-R", NULL},
    {"starcoder", "Digits each ; ByteLevel words", NULL, 0, NULL, 0, 0, HF_YES, "StarCoder2",
     "refact codeshell exaone minerva-7b mellum2"},
    {"smollm", "Digits each ; ByteLevel words", NULL, 0, NULL, 0, 0, HF_NO, "SmolLM", NULL},
    {"whitespace", "Whitespace", NULL, 0, NULL, 0, 0, 0, "jina-embeddings-v2-base-zh", NULL},
};

const size_t gg_hf_n_pre_rules = GG_COUNTOF(gg_hf_pre_rules);

const char *const gg_hf_pre_others[] = {
    "default", "SentencePiece vocabularies, whatever they were made with",
    "jina-v2-en", "WordPiece vocabularies: llama.cpp cuts their text alike, whatever the name",
    "bert-bge", "as jina-v2-en",
    "bert-bge-large", "as jina-v2-en",
    "gemma4", "BPE of SentencePiece in tokenizer.json, which is written as the SentencePiece vocabulary it is",
    "granite-embed-multi-311m", "as gemma4",
    "sarvam-moe", "as gemma4",
    "afmoe", "no published definition was at hand; `--pre afmoe` says it",
    NULL,
};
