package manifest

// Compact gives v as JSON on one line, without the HTML escapes that
// encoding/json adds by default and without a final newline: the spelling of
// all signed documents. v is made of plain structs.
func Compact(v any) []byte { return compact(v) }
