package fetch

import (
	"net/url"
	"strings"

	"packlift/internal/fault"
)

// parseLocation gives the URL of a depot, nil for a folder. Its errors do not
// repeat what may hold a password.
func parseLocation(location string) (*url.URL, error) {
	scheme, _, ok := strings.Cut(location, "://")
	switch {
	case !ok || strings.ContainsAny(scheme, `/\`):
		return nil, nil
	case !Remote(location):
		return nil, fault.New(fault.Usage, "a depot is a folder, or a URL that begins with https:// or http://").
			WithHint("give a file:// depot by the folder's name")
	}
	u, err := url.Parse(location)
	switch {
	case err != nil || u.Hostname() == "" || u.Opaque != "":
		return nil, fault.New(fault.Usage, "the depot's URL cannot be read").WithHint("it looks like https://HOST/FOLDER")
	case u.User != nil:
		return nil, fault.New(fault.Usage, "the depot's URL holds credentials, which process lists and logs would show").
			WithHint("give them with --username and --password-file, or in PACKLIFT_USERNAME and PACKLIFT_PASSWORD")
	case u.RawQuery != "" || u.ForceQuery || u.Fragment != "":
		return nil, fault.New(fault.Usage, "the depot's URL has a part behind ? or #; a depot is a folder of a server").
			WithHint("it looks like https://HOST/FOLDER")
	}
	u.Scheme = strings.ToLower(u.Scheme)
	return u, nil
}

// fileURL is the URL of a depot's file.
func fileURL(base *url.URL, name string) *url.URL {
	parts := strings.Split(name, "/")
	for i, p := range parts {
		parts[i] = url.PathEscape(p)
	}
	return base.JoinPath(parts...)
}

// shown is a URL as it may be printed: what a redirect adds behind ? can be a key.
func shown(u *url.URL) string {
	plain := url.URL{Scheme: u.Scheme, Host: u.Host, Path: u.Path, RawPath: u.RawPath}
	return plain.String()
}

// sameOrigin reports whether two URLs are of one scheme, host and port.
func sameOrigin(a, b *url.URL) bool {
	return a.Scheme == b.Scheme && strings.EqualFold(a.Hostname(), b.Hostname()) && port(a) == port(b)
}

func port(u *url.URL) string {
	switch p := u.Port(); {
	case p != "":
		return p
	case u.Scheme == "https":
		return "443"
	}
	return "80"
}
