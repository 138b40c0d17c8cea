package catalog_test

import (
	"slices"
	"testing"

	"github.com/lunobot/lunobot/saas/catalog"
	"github.com/lunobot/lunobot/saas/errs"
)

func TestParseRef(t *testing.T) {
	t.Parallel()
	for _, good := range []string{"demo@1.0.0", "a@0.0.1-rc.1", "my-idea-2@10.20.30"} {
		if ref, err := catalog.ParseRef(good); err != nil || ref.String() != good {
			t.Errorf("%q is %v, %v", good, ref, err)
		}
	}
	for _, bad := range []string{"", "demo", "demo@", "@1.0.0", "Demo@1.0.0", "demo@1.0", "../x@1.0.0", "demo@1.0.0/..", "demo@1.0.0\n", "demo@1.0.0-", "a/b@1.0.0", "demo@1.0.0-\x00"} {
		if ref, err := catalog.ParseRef(bad); errs.CodeOf(err) != "bad_version" {
			t.Errorf("%q is %v, %v", bad, ref, err)
		}
	}
}

func TestCompareVersions(t *testing.T) {
	t.Parallel()
	// The order of the example in the specification of semantic versions, 2.0.0, item 11.
	want := []string{
		"0.9.10", "1.0.0-alpha", "1.0.0-alpha.1", "1.0.0-alpha.beta", "1.0.0-beta", "1.0.0-beta.2", "1.0.0-beta.11", "1.0.0-rc.1", "1.0.0", "1.2.0", "1.10.0", "2.0.0",
	}
	got := slices.Clone(want)
	slices.Reverse(got)
	slices.SortFunc(got, catalog.CompareVersions)
	if !slices.Equal(got, want) {
		t.Errorf("sorted: %v, want %v", got, want)
	}
	if catalog.CompareVersions("1.0.0", "1.0.0") != 0 {
		t.Error("a version is not itself")
	}
}

func TestIsolation(t *testing.T) {
	t.Parallel()
	all := catalog.Isolations()
	for i, a := range all {
		for k, b := range all {
			if got := a.Stricter(b); got != all[max(i, k)] {
				t.Errorf("the stricter of %s and %s is %s", a, b, got)
			}
		}
	}
	for i, want := range map[catalog.Isolation]string{catalog.Shared: "shared", "": "shared", catalog.PerTenant: "tenant:t", catalog.PerBot: "bot:b"} {
		if got := i.Key("t", "b"); got != want {
			t.Errorf("the key of %q is %s, want %s", i, got, want)
		}
	}
	if catalog.Isolation("planet").Valid() || catalog.Isolation("").Valid() || !catalog.PerBot.Valid() {
		t.Error("validity")
	}
}
