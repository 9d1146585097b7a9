package cli

import (
	"os"
	"path/filepath"
	"strings"
	"sync"

	"packlift/internal/typed"
)

// Again is the command line of this run, as it would be typed again,
// without what HideWord was told.
func Again() string {
	words := make([]string, len(os.Args))
	for i, w := range os.Args {
		words[i] = typed.Word(hideWords(w))
	}
	if len(words) > 0 {
		words[0] = typed.Word(filepath.FromSlash(os.Args[0])) // cmd.exe starts nothing by a path with slashes
	}
	return strings.Join(words, " ")
}

// called is this tool as it was called, for commands that a message names.
func called() string { return typed.Word(typed.Self()) }

// hiddenWords are parts of the command line that are not to be repeated.
var hiddenWords struct {
	sync.Mutex
	list []string
}

// HideWord has Again show *** in place of a secret that stands on the command line.
func HideWord(secret string) {
	if secret == "" {
		return
	}
	hiddenWords.Lock()
	defer hiddenWords.Unlock()
	hiddenWords.list = append(hiddenWords.list, secret)
}

// hideWords takes secrets out of a word in which they stand alone or at the end, as in -pSECRET.
func hideWords(word string) string {
	hiddenWords.Lock()
	defer hiddenWords.Unlock()
	for _, secret := range hiddenWords.list {
		if rest, ok := strings.CutSuffix(word, secret); ok && (rest == "" || strings.HasPrefix(rest, "-")) {
			return rest + "***"
		}
	}
	return word
}
