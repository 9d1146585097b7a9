package manifest

import (
	"fmt"
	"strings"
)

// CheckProduct returns an error unless name and version can stand in a file
// name: 1 to 64 characters each of a-z A-Z 0-9 . _ + - , starting with a letter
// or digit, the version with a digit.
func CheckProduct(name, version string) error {
	if !word(name) {
		return fmt.Errorf("product name %q: use 1 to 64 of a-z A-Z 0-9 . _ + -", name)
	}
	if !word(version) || version[0] < '0' || version[0] > '9' {
		return fmt.Errorf("product version %q: start with a digit and use 1 to 64 of a-z A-Z 0-9 . _ + -", version)
	}
	if n, v, err := SplitProduct(name + "-" + version); err != nil || n != name || v != version {
		return fmt.Errorf("product %s-%s does not split back into name and version", name, version)
	}
	return nil
}

func word(s string) bool {
	if len(s) == 0 || len(s) > 64 {
		return false
	}
	for i, c := range s {
		alnum := c >= '0' && c <= '9' || c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z'
		if !alnum && (i == 0 || !strings.ContainsRune("._+-", c)) {
			return false
		}
	}
	return true
}

// SplitProduct splits NAME-VERSION at the last hyphen before a digit:
// "wso2am-4.2.0" gives "wso2am", "4.2.0".
func SplitProduct(s string) (name, version string, err error) {
	for i := len(s) - 2; i > 0; i-- {
		if s[i] == '-' && s[i+1] >= '0' && s[i+1] <= '9' {
			name, version = s[:i], s[i+1:]
			if word(name) && word(version) {
				return name, version, nil
			}
			break
		}
	}
	return "", "", fmt.Errorf("product %q is not NAME-VERSION, such as wso2am-4.2.0", s)
}
