package halt_test

import (
	"context"
	"encoding/json"
	"testing"
	"time"

	"github.com/lunobot/lunobot/saas/event"
	"github.com/lunobot/lunobot/saas/halt"
	"github.com/lunobot/lunobot/tenancy"
)

// record keeps events as an outbox would.
type record struct{ list []event.Event }

func (r *record) Record(_ context.Context, more ...event.Event) error {
	r.list = append(r.list, more...)
	return nil
}

// proves RK2: who pulls and who releases a switch is on record once, that of a bot or a
// tenant with the tenant, and that of the platform with no tenant, whosever bots it stops.
func TestSwitchesAreOnRecordWhereTheyBelong(t *testing.T) {
	t.Parallel()
	each(t, func(b *bench) {
		ctx, kept := b.t.Context(), &record{}
		s, err := halt.NewService(halt.Config{Events: kept, Now: time.Now, Store: b.store, Tx: b.db})
		if err != nil {
			b.t.Fatal(err)
		}
		b.running("a", "a1")
		b.running("b", "b1")
		trader, admin := person("a", tenancy.Trader), person("b", tenancy.Viewer)
		admin.PlatformAdmin = true
		for _, c := range []struct {
			scope   halt.Scope
			who     tenancy.Principal
			in      halt.PullInput
			release func(ctx context.Context, p tenancy.Principal, id string) (halt.Halt, error)
			tenant  string
		}{
			{halt.Bot, trader, halt.PullInput{Scope: halt.Bot, BotID: "a1"}, s.Release, "a"},
			{halt.Tenant, trader, halt.PullInput{Scope: halt.Tenant}, s.Release, "a"},
			{halt.Platform, admin, halt.PullInput{Scope: halt.Platform}, s.ReleasePlatform, ""},
		} {
			kept.list = nil
			h, err := s.Pull(ctx, c.who, c.in)
			if err == nil {
				_, err = c.release(ctx, c.who, h.ID)
			}
			if err != nil {
				b.t.Fatal(err)
			}
			if len(kept.list) != 2 || kept.list[0].Type != halt.EventPulled || kept.list[1].Type != halt.EventReleased {
				b.t.Fatalf("a switch of the scope %s recorded %v", c.scope, kept.list)
			}
			for _, e := range kept.list {
				var data struct {
					Scope halt.Scope `json:"scope"`
					By    string     `json:"by"`
				}
				if err := json.Unmarshal(e.Data, &data); err != nil {
					b.t.Fatal(err)
				}
				if e.TenantID != c.tenant || e.Subject != h.ID || data.Scope != c.scope || data.By != c.who.Email {
					b.t.Errorf("%s of the scope %s is with tenant %q: %+v", e.Type, c.scope, e.TenantID, data)
				}
			}
		}
	})
}
