# Makes GGUF files from shell: sourced by cases. Bytes go to stdout.
u8() { printf "\\x$(printf %02x "$1")"; }
u16() { u8 $(($1 & 255)); u8 $(($1 >> 8 & 255)); }
u32() { u16 $(($1 & 65535)); u16 $(($1 >> 16 & 65535)); }
u64() { u32 $(($1 & 0xffffffff)); u32 $(($1 >> 32 & 0xffffffff)); }
str() { local LC_ALL=C; u64 ${#1}; printf %s "$1"; }
head_of() { printf GGUF; u32 3; u64 "$1"; u64 "$2"; } # tensors, keys
kv_str() { str "$1"; u32 8; str "$2"; }
kv_u16() { str "$1"; u32 2; u16 "$2"; }
kv_u32() { str "$1"; u32 4; u32 "$2"; }
kv_i32() { str "$1"; u32 5; u32 "$2"; }
tensor_f32() { str "$1"; u32 1; u64 "$2"; u32 0; u64 "$3"; } # name, elements, offset
zeros() { head -c "$1" /dev/zero; }
pad_file() { zeros $(((32 - $(stat -c %s "$1" 2>/dev/null || stat -f %z "$1") % 32) % 32)) >> "$1"; }
