package tenancy_test

import (
	"slices"
	"testing"

	"github.com/lunobot/lunobot/saas/errs"
	"github.com/lunobot/lunobot/tenancy"
)

func TestRoles(t *testing.T) {
	t.Parallel()
	read := []tenancy.Permission{tenancy.BotsRead, tenancy.BillingRead, tenancy.MembersRead}
	trade := append(slices.Clone(read), tenancy.BotsWrite, tenancy.BotsTrade)
	admin := append(slices.Clone(trade), tenancy.AccountsWrite, tenancy.MembersWrite)
	for role, allowed := range map[tenancy.Role][]tenancy.Permission{
		tenancy.Owner: tenancy.Permissions(), tenancy.Admin: admin, tenancy.Trader: trade, tenancy.Viewer: read, "": nil, "root": nil,
	} {
		p := tenancy.Principal{Role: role}
		for _, perm := range tenancy.Permissions() {
			may := slices.Contains(allowed, perm)
			if role.Can(perm) != may || p.Can(perm) != may {
				t.Errorf("%q may %s: %v", role, perm, !may)
			}
			if err := p.Require(perm); may && err != nil {
				t.Error(err)
			} else if !may {
				want(t, string(role), err, errs.Forbidden, "permission_denied")
			}
		}
		if role.Can("bots.unknown") {
			t.Errorf("%q may do what nobody knows", role)
		}
	}
}
