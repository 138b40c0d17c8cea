package api_test

import (
	"testing"

	"github.com/lunobot/lunobot/saas/db"
	"github.com/lunobot/lunobot/saas/db/dbtest"
	"github.com/lunobot/lunobot/tenancy"
)

// proves RK2, P12: a tenant's kill switch stops its bots and keeps them from being
// started until it is released; who may not start bots may not pull it, and no other
// tenant sees or releases it.
func TestHalts(t *testing.T) {
	t.Parallel()
	const halts = "/api/v1/trading/halts"
	dbtest.Each(t, sets(), func(t *testing.T, d *db.DB) {
		b := setupOn(t, d)
		owner, other := b.register("ada@example.com"), b.register("eve@example.com")
		_, botID := b.create(owner)
		viewer := b.member(owner, "viewer@example.com", tenancy.Viewer)
		trader := b.member(owner, "trader@example.com", tenancy.Trader)
		b.call("POST", bots+"/"+botID+"/start", owner, "").want(200)
		b.call("POST", halts, viewer, `{}`).want(403, `"permission":"bots.trade"`)
		b.call("POST", halts, trader, `{"scope":"platform"}`).want(422, "/scope")
		b.call("POST", halts, other, `{"scope":"bot","bot_id":"`+botID+`"}`).want(404, "bot_not_found")
		b.call("GET", bots+"/"+botID, owner, "").want(200, `"status":"starting"`)

		pulled := b.call("POST", halts, trader, `{"flatten":true,"reason":"The market is mad."}`).want(200, `"scope":"tenant"`, `"on":true`, `"flatten":true`, `"stopped":1`, `"pulled_by":"trader@example.com"`)
		one := halts + "/" + pulled.text("id") + "/release"
		b.call("GET", bots+"/"+botID, owner, "").want(200, `"status":"stopping"`, "the kill switch was pulled")
		b.call("POST", bots+"/"+botID+"/start", owner, "").want(409, `"code":"halted"`, "Release it first.", "The market is mad.", pulled.text("id"))
		b.call("GET", halts, viewer, "").want(200, `"items":[{"id":"`+pulled.text("id"))
		b.call("GET", halts, other, "").want(200, `"items":[]`)
		b.call("POST", one, viewer, "").want(403)
		b.call("POST", one, other, "").want(404, "halt_not_found")
		b.call("POST", one, owner, "").want(200, `"on":false`, `"released_by":"ada@example.com"`)
		b.call("GET", halts, viewer, "").want(200, `"on":false`)
	})
}

// The switch of the installation is its administrators'; tenants see it while it is on,
// but not who pulled it, and cannot release it.
func TestPlatformHalt(t *testing.T) {
	t.Parallel()
	b := setup(t)
	owner := b.register("ada@example.com")
	admin := b.operator(owner)
	_, botID := b.create(owner)
	const platform, own = "/api/v1/admin/halts", "/api/v1/trading/halts"
	b.call("POST", platform, owner, `{}`).want(403, "admin_only")
	b.call("GET", platform, owner, "").want(403, "admin_only")
	pulled := b.call("POST", platform, admin, `{"reason":"an attack"}`).want(200, `"scope":"platform"`, `"pulled_by":"`)
	id := pulled.text("id")
	b.call("POST", bots+"/"+botID+"/start", owner, "").want(409, `"code":"halted"`, "by its operator", "an attack")
	b.call("GET", own, owner, "").want(200, id, `"scope":"platform"`, `"pulled_by":""`)
	b.call("POST", own+"/"+id+"/release", owner, "").want(404)
	b.call("POST", platform+"/"+id+"/release", owner, "").want(403)
	b.call("POST", platform+"/"+id+"/release", admin, "").want(200, `"on":false`)
	b.call("GET", own, owner, "").want(200, `"items":[]`)
	b.call("GET", platform, admin, "").want(200, id, `@example.com","released_at":"`)
	b.call("POST", bots+"/"+botID+"/start", owner, "").want(200)
}
