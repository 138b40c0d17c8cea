package catalog_test

import (
	"testing"

	"github.com/lunobot/lunobot/saas/catalog"
)

func TestIsolationsHaveAnOrder(t *testing.T) {
	t.Parallel()
	const s, o, b = catalog.Shared, catalog.PerTenant, catalog.PerBot
	for _, c := range []struct{ a, b, stricter, atMost catalog.Isolation }{
		{s, s, s, s}, {s, o, o, s}, {o, s, o, s}, {b, o, b, o}, {o, b, b, o}, {b, b, b, b}, {"", b, b, s}, {b, "", b, s}, {"", "", s, s},
	} {
		if got := c.a.Stricter(c.b); got != c.stricter {
			t.Errorf("the stricter of %q and %q is %q", c.a, c.b, got)
		}
		if got := c.a.AtMost(c.b); got != c.atMost {
			t.Errorf("%q, at most %q, is %q", c.a, c.b, got)
		}
	}
}
