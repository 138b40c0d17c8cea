package bot_test

import (
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/shopspring/decimal"

	"github.com/lunobot/lunobot/saas/bot"
	"github.com/lunobot/lunobot/saas/errs"
	"github.com/lunobot/lunobot/tenancy"
)

// bound is a bound as it is, as one that is looser, and none.
type bound struct {
	name              string
	set, looser, none func(r *bot.Risk)
}

// bounds are all that a tenant can set.
func bounds() []bound {
	percent := func(name string, of func(r *bot.Risk) *decimal.Decimal) bound {
		to := func(n int64) func(r *bot.Risk) { return func(r *bot.Risk) { *of(r) = decimal.NewFromInt(n) } }
		return bound{name, to(5), to(6), to(0)}
	}
	count := func(name string, set, looser int64, of func(r *bot.Risk) *int64) bound {
		to := func(n int64) func(r *bot.Risk) { return func(r *bot.Risk) { *of(r) = n } }
		return bound{name, to(set), to(looser), to(0)}
	}
	further := func(n int64) func(r *bot.Risk) {
		return func(r *bot.Risk) { r.MaxPositions = map[string]decimal.Decimal{"ETHMYR": decimal.NewFromInt(n)} }
	}
	return []bound{
		percent("stop-loss", func(r *bot.Risk) *decimal.Decimal { return &r.StopLossPercent }),
		percent("take-profit", func(r *bot.Risk) *decimal.Decimal { return &r.TakeProfitPercent }),
		percent("trailing stop", func(r *bot.Risk) *decimal.Decimal { return &r.TrailingStopPercent }),
		count("time exit", 60, 120, func(r *bot.Risk) *int64 { return &r.MaxHoldSeconds }),
		count("cool-down", 120, 60, func(r *bot.Risk) *int64 { return &r.CoolDownSeconds }),
		percent("largest daily loss", func(r *bot.Risk) *decimal.Decimal { return &r.MaxDailyLossPercent }),
		percent("largest drawdown", func(r *bot.Risk) *decimal.Decimal { return &r.MaxDrawdownPercent }),
		count("open orders", 3, 4, func(r *bot.Risk) *int64 { return &r.MaxOrders }),
		count("orders a minute", 3, 4, func(r *bot.Risk) *int64 { return &r.MaxOrdersAMinute }),
		percent("largest position", func(r *bot.Risk) *decimal.Decimal { return &r.MaxPosition }),
		{"largest position in ETHMYR", further(5), further(6), func(r *bot.Risk) { r.MaxPositions = nil }},
	}
}

// proves RK1: every bound of a bot has a direction: further or none at all is looser, the other
// way is not, and what is as before is neither. None is forgotten here.
func TestEveryBoundHasADirection(t *testing.T) {
	t.Parallel()
	if n, fields := len(bounds()), reflect.TypeFor[bot.Risk]().NumField(); n != fields {
		t.Fatalf("%d bounds are looked at, and there are %d", n, fields)
	}
	of := func(set func(r *bot.Risk)) bot.Config {
		c := bot.Config{Also: []string{"ETHMYR"}}
		set(&c.Risk)
		return c
	}
	for _, b := range bounds() {
		set, looser, none := of(b.set), of(b.looser), of(b.none)
		for what, c := range map[string]struct {
			now, was bot.Config
			want     []string
		}{
			"as before": {set, set, nil}, "looser": {looser, set, []string{b.name}}, "tighter": {set, looser, nil},
			"taken away": {none, set, []string{b.name}}, "set": {set, none, nil}, "still none": {none, none, nil},
		} {
			if got := c.now.Loosened(c.was); !slices.Equal(got, c.want) {
				t.Errorf("%s, %s: loosened %q, want %q", b.name, what, got, c.want)
			}
		}
	}
	gone := bot.Config{Also: nil}
	if got := gone.Loosened(of(further)); len(got) > 0 {
		t.Errorf("of a pair that is not traded any more %q is loosened", got)
	}
}

func further(r *bot.Risk) {
	r.MaxPositions = map[string]decimal.Decimal{"ETHMYR": decimal.NewFromInt(5)}
}

// proves RK1: who may only change bots tightens the bounds of a live one, and loosens none;
// who may let it go live does, on record. On paper everybody who may change it does.
func TestWhoMayLoosenBounds(t *testing.T) {
	t.Parallel()
	eachFloor(t, func(f *floor) {
		ctx := f.t.Context()
		f.connect(f.who.TenantID, "acc", "50000")
		c, b, err := f.Create(ctx, f.who, bot.CreateInput{Name: "First", Pair: "XBTMYR", Strategy: "cross"})
		if err != nil {
			f.t.Fatal(err)
		}
		member := f.who
		member.Role = tenancy.Trader
		change := func(who tenancy.Principal, set func(r *bot.Risk)) error {
			var r bot.Risk
			set(&r)
			got, err := f.Update(ctx, who, c.ID, bot.UpdateInput{Risk: &r})
			if err == nil {
				c = got
			}
			return err
		}
		for _, bd := range bounds() {
			if bd.name == "largest position in ETHMYR" { // the strategy trades one pair
				continue
			}
			for _, set := range []func(r *bot.Risk){bd.set, bd.looser, bd.none} {
				if err := change(member, set); err != nil {
					f.t.Errorf("on paper, %s: %v", bd.name, err)
				}
			}
		}
		f.must(f.goLive(b, "1000"))
		for _, bd := range bounds() {
			if bd.name == "largest position in ETHMYR" {
				continue
			}
			if err := change(f.who, bd.none); err != nil {
				f.t.Fatalf("%s: %v", bd.name, err)
			}
			for what, set := range map[string]func(r *bot.Risk){"looser": bd.looser, "none": bd.none} {
				if err := change(member, bd.set); err != nil {
					f.t.Errorf("%s is tightened: %v", bd.name, err)
				}
				err := change(member, set)
				if errs.KindOf(err) != errs.Forbidden || errs.CodeOf(err) != "bounds_loosened" || !strings.Contains(err.Error(), bd.name) {
					f.t.Errorf("%s is made %s by a member: %v", bd.name, what, err)
				}
				if err := change(f.who, set); err != nil {
					f.t.Errorf("%s is made %s by the owner: %v", bd.name, what, err)
				}
				if d := f.data(bot.EventUpdated); d["user_id"] != f.who.UserID || !slices.Equal(texts(d["loosened"]), []string{bd.name}) {
					f.t.Errorf("%s: on record is %v", bd.name, d)
				}
			}
		}
	})
}

// texts are the texts of a list of an event.
func texts(list any) []string {
	var out []string
	for _, x := range list.([]any) {
		out = append(out, x.(string))
	}
	return out
}
