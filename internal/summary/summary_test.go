package summary

import (
	"strings"
	"testing"
	"time"

	"packlift/bundle"
)

var day = time.Date(2026, 11, 21, 12, 0, 0, 0, time.UTC)

func TestText(t *testing.T) {
	list := []*bundle.Advisory{
		{Level: 3, Date: day, Channel: "full", Summary: "not wanted"},
		{Level: 4, Date: day, Channel: "full", Summary: "# Four\nmore"},
		{Level: 10, Date: day, Channel: "security", Security: []string{"CVE-2026-0001", "CVE-2026-0002"}},
		{Level: 11, Date: day, Channel: "full", Summary: "not wanted"},
	}
	got := string(Text("demo", "1.0.0", 3, 10, list))
	want := "# Update summary\n\nProduct: demo-1.0.0\n\nUpdate level: 0003 -> 0010\n" +
		"\n## Level 4 (2026-11-21, channel full)\n\n# Four\nmore\n" +
		"\n## Level 10 (2026-11-21, channel security)\n\nSecurity: CVE-2026-0001, CVE-2026-0002\n"
	if got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
	if got := Line(list[2]); !strings.Contains(got, "security: CVE-2026-0001, CVE-2026-0002") {
		t.Errorf("%q does not tell what is mended", got)
	}
	if got := Line(list[1]); got != "level 4  2026-11-21  full  Four" {
		t.Errorf("got %q", got)
	}
	if got := string(Text("demo", "1.0.0", 11, 12, list)); !strings.Contains(got, "_None") {
		t.Errorf("an empty summary says\n%s", got)
	}
	if Name(-1, 10) != "update-summary-0000-0010.md" {
		t.Error(Name(-1, 10))
	}
}
