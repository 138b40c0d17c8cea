package blotter_test

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/shopspring/decimal"

	"github.com/lunobot/lunobot/saas/blotter"
	"github.com/lunobot/lunobot/saas/bot"
	"github.com/lunobot/lunobot/saas/db"
	"github.com/lunobot/lunobot/saas/db/dbtest"
	"github.com/lunobot/lunobot/saas/errs"
	"github.com/lunobot/lunobot/saas/event"
	"github.com/lunobot/lunobot/saas/journal"
	"github.com/lunobot/lunobot/saas/lease"
	"github.com/lunobot/lunobot/saas/page"
	"github.com/lunobot/lunobot/saas/saasdb"
	"github.com/lunobot/lunobot/tenancy"
	"github.com/lunobot/lunobot/tenancy/tenancydb"
)

func TestMain(m *testing.M) { dbtest.Main(m) }

func now() time.Time { return time.Date(2026, 3, 1, 0, 0, 0, 0, time.UTC) }

// bots finds bots as the service of bots does.
type bots struct{ *saasdb.Store }

func (b bots) Bot(ctx context.Context, p tenancy.Principal, id string) (bot.Bot, error) {
	if err := p.Require(tenancy.BotsRead); err != nil {
		return bot.Bot{}, err
	}
	return b.Store.Bot(ctx, p.TenantID, id)
}

// events remembers what was recorded.
type events struct{ list []event.Event }

func (e *events) Record(_ context.Context, more ...event.Event) error {
	e.list = append(e.list, more...)
	return nil
}

// desk is the service with a bot "b" of tenant "a" that has traded live.
type desk struct {
	*blotter.Service
	events *events
	commit func(e journal.LiveEntry)
}

func each(t *testing.T, fn func(t *testing.T, d desk)) {
	sets := []db.MigrationSet{tenancydb.Migrations(), saasdb.Migrations()}
	dbtest.Each(t, sets, func(t *testing.T, d *db.DB) {
		ctx, s := t.Context(), saasdb.New(d)
		must := func(err error) {
			t.Helper()
			if err != nil {
				t.Fatal(err)
			}
		}
		for _, tenant := range []string{"a", "c"} {
			id := map[string]string{"a": "b", "c": "d"}[tenant]
			must(s.InsertBot(ctx, tenant, bot.Config{ID: id, BotID: id, Mode: bot.Live, CreatedAt: now(), UpdatedAt: now()},
				bot.Bot{ID: id, ConfigID: id, CreatedAt: now(), UpdatedAt: now()}))
		}
		h, err := s.StartHolder(ctx, "worker")
		must(err)
		got, err := s.TakeLeases(ctx, lease.Take{
			Holder: h, Resources: []lease.Resource{{Kind: lease.Bots, TenantID: "a", ID: "b"}}, Limit: 1, Now: now(), Until: now().Add(time.Hour),
		})
		must(err)
		k := desk{events: &events{}, commit: func(e journal.LiveEntry) {
			t.Helper()
			e.TenantID, e.BotID, e.Epoch = "a", "b", got[0].Epoch
			refused, err := s.CommitLive(ctx, e)
			must(errors.Join(append(refused, err)...))
		}}
		k.Service, err = blotter.New(blotter.Config{Bots: bots{s}, Events: k.events, Now: now, Store: s, Tx: d})
		must(err)
		fn(t, k)
	})
}

func member(tenantID string, role tenancy.Role) tenancy.Principal {
	return tenancy.Principal{UserID: "u", TenantID: tenantID, Role: role}
}

func want(t *testing.T, err error, code string) {
	t.Helper()
	if errs.CodeOf(err) != code {
		t.Errorf("got %v, want %s", err, code)
	}
}

func order(number int64, state journal.OrderState) journal.LiveOrder {
	return journal.LiveOrder{Order: journal.Order{ClientID: "o", Number: number, State: state, CreatedAt: now(), UpdatedAt: now()}, Pair: "XBTMYR"}
}

func TestOrders(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, d desk) {
		ctx, who := t.Context(), member("a", tenancy.Viewer)
		l, err := d.Orders(ctx, who, "b", page.Page{})
		if err != nil || len(l.Items) != 0 {
			t.Fatalf("before it traded: %v, %v", l, err)
		}
		var e journal.LiveEntry
		for n := int64(1); n <= 3; n++ {
			e.Orders = append(e.Orders, order(n, journal.Open))
			e.Transitions = append(e.Transitions, journal.Transition{Order: n, Event: n, To: journal.Open, Cause: "why", At: now()})
		}
		e.Fills = []journal.LiveFill{{Order: 2, Event: 9, Pair: "XBTMYR", Fill: journal.Fill{Sequence: 4, Volume: decimal.New(1, 0), Time: now()}}}
		d.commit(e)
		var numbers []int64
		for pg := (page.Page{Limit: 2}); ; {
			l, err := d.Orders(ctx, who, "b", pg)
			if err != nil {
				t.Fatal(err)
			}
			for _, o := range l.Items {
				numbers = append(numbers, o.Number)
			}
			if pg.After = l.Next; pg.After == "" {
				break
			}
		}
		if !slices.Equal(numbers, []int64{3, 2, 1}) {
			t.Errorf("the orders are %v", numbers)
		}
		o, err := d.Order(ctx, who, "b", 2)
		if err != nil || o.Number != 2 || len(o.History) != 1 || o.History[0].Cause != "why" || len(o.Fills) != 1 || o.Fills[0].Sequence != 4 {
			t.Errorf("the order is %+v, %v", o, err)
		}
		_, err = d.Order(ctx, who, "b", 4)
		want(t, err, "order_not_found")
	})
}

// proves T6: a foreign order is only touched when somebody decides, and a pause is
// only lifted when somebody asks.
func TestDecisions(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, d desk) {
		ctx, viewer, trader := t.Context(), member("a", tenancy.Viewer), member("a", tenancy.Trader)
		_, err := d.Report(ctx, viewer, "b")
		want(t, err, "check_not_found")
		want(t, d.Resume(ctx, trader, "b"), "not_paused")
		d.commit(journal.LiveEntry{
			Check:   &journal.Check{At: now(), Open: 2, Paused: "the venue has something else"},
			Foreign: []journal.ForeignOrder{{Pair: "XBTMYR", VenueID: "BX1", Side: "buy", FoundAt: now()}},
		})
		r, err := d.Report(ctx, viewer, "b")
		if err != nil || r.Open != 2 || r.Paused == "" || len(r.Orders) != 1 || r.Orders[0].Decision != "" {
			t.Errorf("the report is %+v, %v", r, err)
		}
		want(t, d.Decide(ctx, viewer, "b", "XBTMYR", "BX1", journal.Claim), "permission_denied")
		want(t, d.Resume(ctx, viewer, "b"), "permission_denied")
		want(t, d.Decide(ctx, trader, "b", "XBTMYR", "BX1", "eat"), "invalid_input")
		want(t, d.Decide(ctx, trader, "b", "XBTMYR", "BX2", journal.Claim), "foreign_order_not_found")
		want(t, d.Decide(ctx, trader, "b", "ETHMYR", "BX1", journal.Claim), "foreign_order_not_found")
		if len(d.events.list) != 0 {
			t.Errorf("refusals recorded %v", d.events.list)
		}
		if err := errors.Join(d.Decide(ctx, trader, "b", "XBTMYR", "BX1", journal.Ignore), d.Resume(ctx, trader, "b")); err != nil {
			t.Fatal(err)
		}
		r, err = d.Report(ctx, viewer, "b")
		if err != nil || r.Orders[0].Decision != journal.Ignore || r.Orders[0].DecidedBy != "u" || r.ResumeBy != "u" || !r.ResumeAt.Equal(now()) {
			t.Errorf("afterwards the report is %+v, %v", r, err)
		}
		if e := d.events.list; len(e) != 2 || e[0].Type != bot.EventForeignDecided || e[1].Type != bot.EventResumeRequested || e[0].Subject != "b" ||
			!strings.Contains(string(e[0].Data), `"decision":"ignore"`) || !strings.Contains(string(e[1].Data), `"user_id":"u"`) {
			t.Errorf("the events are %v", e)
		}
		d.commit(journal.LiveEntry{Check: &journal.Check{At: now()}})
		if r, err = d.Report(ctx, viewer, "b"); err != nil || r.ResumeBy != "" || !r.ResumeAt.IsZero() {
			t.Errorf("once it goes on the report is %+v, %v", r, err)
		}
	})
}

// proves P12: what belongs to another tenant is not there, for every method.
func TestTenantsDoNotSeeEachOther(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, d desk) {
		d.commit(journal.LiveEntry{
			Orders: []journal.LiveOrder{order(1, journal.Open)}, Check: &journal.Check{At: now(), Paused: "because"},
			Foreign: []journal.ForeignOrder{{Pair: "XBTMYR", VenueID: "BX1", FoundAt: now()}},
		})
		ctx, stranger := t.Context(), member("c", tenancy.Owner)
		for name, call := range map[string]func() error{
			"orders": func() error { _, err := d.Orders(ctx, stranger, "b", page.Page{}); return err },
			"order":  func() error { _, err := d.Order(ctx, stranger, "b", 1); return err },
			"report": func() error { _, err := d.Report(ctx, stranger, "b"); return err },
			"decide": func() error { return d.Decide(ctx, stranger, "b", "XBTMYR", "BX1", journal.CancelForeign) },
			"resume": func() error { return d.Resume(ctx, stranger, "b") },
		} {
			if err := call(); errs.CodeOf(err) != "bot_not_found" {
				t.Errorf("%s gave %v", name, err)
			}
		}
	})
}

func TestMissingCollaborators(t *testing.T) {
	t.Parallel()
	_, err := blotter.New(blotter.Config{})
	for _, name := range []string{"Bots", "Events", "Now", "Store", "Tx"} {
		if err == nil || !strings.Contains(err.Error(), "Config."+name) {
			t.Errorf("the error does not name %s: %v", name, err)
		}
	}
}
