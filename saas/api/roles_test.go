package api_test

import (
	"testing"

	"github.com/google/uuid"

	"github.com/lunobot/lunobot/tenancy"
)

// member adds a user of a role to the tenant of a token, and logs in.
func (b *bench) member(token, email string, role tenancy.Role) string {
	b.t.Helper()
	ctx := b.t.Context()
	p, err := tenancy.NewPasswords(cheap())
	must(b.t, err)
	hash, err := p.Hash(ctx, "correct horse battery")
	must(b.t, err)
	u := tenancy.User{ID: uuid.Must(uuid.NewV7()).String(), Email: email, CreatedAt: b.clock.Now()}
	must(b.t, b.users.InsertUser(ctx, u, hash))
	tenantID := b.tenant(token)
	must(b.t, b.users.InsertMembership(ctx, tenantID, tenancy.Membership{TenantID: tenantID, UserID: u.ID, Role: role, CreatedAt: b.clock.Now()}))
	return b.call("POST", "/api/v1/auth/login", "", `{"email":"`+email+`","password":"correct horse battery"}`).want(200).text("access_token")
}

func TestRoles(t *testing.T) {
	t.Parallel()
	b := setup(t)
	owner := b.register("ada@example.com")
	configID, botID := b.create(owner)
	const fresh = `{"name":"New","trading_pair":"XBTMYR","strategy_type":"basic"}`
	const run = `{"trading_pair":"XBTMYR","strategy_type":"basic"}`
	cases := map[string]struct {
		method, path, body     string
		viewer, trader, admins int
	}{
		"see configurations":    {"GET", configs, "", 200, 200, 200},
		"see a bot":             {"GET", bots + "/" + botID, "", 200, 200, 200},
		"see fills":             {"GET", bots + "/" + botID + "/fills", "", 200, 200, 200},
		"see the plan":          {"GET", subscriptions + "/current", "", 200, 200, 200},
		"see the use":           {"GET", subscriptions + "/usage", "", 200, 200, 200},
		"see invoices":          {"GET", subscriptions + "/invoices", "", 200, 200, 200},
		"make a configuration":  {"POST", configs, fresh, 403, 403, 403}, // for all but the viewer by the plan
		"change it":             {"PATCH", configs + "/" + configID, `{"name":"Changed"}`, 403, 200, 200},
		"wind a bot down":       {"POST", bots + "/" + botID + "/close-only", "", 403, 409, 409}, // it does not run
		"resume a bot":          {"POST", bots + "/" + botID + "/breaker/resume", "", 403, 409, 409},
		"bound all live bots":   {"PUT", "/api/v1/trading/ceilings/MYR", `{"max_exposure":"1"}`, 403, 403, 200},
		"stop a bot":            {"POST", bots + "/" + botID + "/stop", "", 403, 200, 200},
		"change the plan":       {"POST", subscriptions + "/upgrade", `{"plan_id":2}`, 403, 403, 403},
		"see backtests":         {"GET", backtests, "", 200, 200, 200},
		"run a backtest":        {"POST", backtests, run, 403, 403, 403}, // for all but the viewer by the plan
		"cancel a backtest":     {"POST", backtests + "/nothing/cancel", "", 403, 404, 404},
		"delete another's":      {"DELETE", configs + "/nothing", "", 404, 404, 404},
		"see what is not there": {"GET", bots + "/nothing/orders", "", 404, 404, 404},
	}
	tokens := map[tenancy.Role]string{}
	for _, r := range []tenancy.Role{tenancy.Viewer, tenancy.Trader, tenancy.Admin} {
		tokens[r] = b.member(owner, string(r)+"@example.com", r)
	}
	b.call("POST", configs, tokens[tenancy.Viewer], fresh).want(403, "problem-forbidden")
	b.call("POST", configs, tokens[tenancy.Trader], fresh).want(403, "problem-limit-exceeded")
	b.call("POST", subscriptions+"/upgrade", tokens[tenancy.Admin], `{"plan_id":2}`).want(403, "problem-forbidden", `"permission":"billing.write"`)
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := b.with(t)
			b.call(c.method, c.path, tokens[tenancy.Viewer], c.body).want(c.viewer)
			b.call(c.method, c.path, tokens[tenancy.Trader], c.body).want(c.trader)
			b.call(c.method, c.path, tokens[tenancy.Admin], c.body).want(c.admins)
		})
	}
}
