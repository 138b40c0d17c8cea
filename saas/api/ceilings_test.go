package api_test

import (
	"testing"

	"github.com/lunobot/lunobot/saas/db"
	"github.com/lunobot/lunobot/saas/db/dbtest"
	"github.com/lunobot/lunobot/tenancy"
)

// proves P12, RK1: owners and administrators bound all live bots together; who may not, and
// whoever saw another version, changes nothing, and another tenant finds nothing.
func TestCeilings(t *testing.T) {
	t.Parallel()
	const all, one = "/api/v1/trading/ceilings", "/api/v1/trading/ceilings/MYR"
	dbtest.Each(t, sets(), func(t *testing.T, d *db.DB) {
		b := setupOn(t, d)
		owner, other := b.register("ada@example.com"), b.register("eve@example.com")
		admin, trader := b.member(owner, "admin@example.com", tenancy.Admin), b.member(owner, "trader@example.com", tenancy.Trader)
		const set = `{"max_exposure":"5000.50","max_daily_loss":"250"}`
		b.call("GET", one, owner, "").want(404, "ceiling_not_found")
		b.call("PUT", one, trader, set).want(403, `"permission":"accounts.write"`)
		b.call("PUT", all+"/EUR", owner, `{"max_exposure":"-1"}`).want(422, "/currency", "/max_exposure")
		b.call("PUT", one, owner, `{}`).want(422, "one of the two")
		first := b.call("PUT", one, owner, set).want(200, `"max_exposure":"5000.5"`, `"exposure":"0"`, `"no_entries_until":null`, `"set_by":"ada@example.com"`)
		if tag := first.Header.Get("ETag"); tag != `"1"` {
			t.Errorf("the ETag is %s", tag)
		}
		b.call("PUT", one, admin, `{"max_exposure":"6000"}`, "If-Match", `"2"`).want(412, "ceiling_changed")
		b.call("PUT", one, admin, `{"max_exposure":"6000"}`, "If-Match", `"1"`).want(200, `"max_daily_loss":"0"`, `"version":2`)
		b.call("GET", all, trader, "").want(200, `"max_exposure":"6000"`)
		b.call("GET", all, other, "").want(200, `"items":[]`)
		for method, status := range map[string]int{"GET": 404, "DELETE": 404} {
			b.call(method, one, other, "").want(status, "ceiling_not_found")
		}
		b.call("DELETE", one, trader, "").want(403)
		b.call("DELETE", one, owner, "", "If-Match", `"1"`).want(412, "ceiling_changed")
		b.call("DELETE", one, owner, "").want(204)
		b.call("GET", one, owner, "").want(404)
	})
}
