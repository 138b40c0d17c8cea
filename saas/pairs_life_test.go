package saas_test

import (
	"errors"
	"os"
	"slices"
	"strconv"
	"syscall"
	"testing"

	"github.com/lunobot/lunobot/billing"
	"github.com/lunobot/lunobot/exchange"
	"github.com/lunobot/lunobot/exchange/marketdata/demo"
	"github.com/lunobot/lunobot/saas/bot"
	"github.com/lunobot/lunobot/saas/db/dbtest"
	"github.com/lunobot/lunobot/saas/errs"
	"github.com/lunobot/lunobot/saas/journal"
	"github.com/lunobot/lunobot/saas/report"
	"github.com/lunobot/lunobot/tenancy"
)

// mixed is a life whose bot keeps a share in each of two pairs.
func mixed(t *testing.T, url string) *life {
	t.Helper()
	l := live(t, url)
	ctx := t.Context()
	in := bot.CreateInput{Name: "mix", Pair: demo.XBTMYR, Also: []string{demo.ETHMYR}, Strategy: "rebalance", Parameters: []byte(mixParams)}
	if _, _, err := l.app.Bots().Create(ctx, l.who, in); errs.KindOf(err) != errs.LimitExceeded {
		t.Fatalf("beside another bot on the free plan: %v", err)
	}
	// The free plan has one bot of one pair.
	login, err := l.app.Tenancy().Register(ctx, tenancy.RegisterInput{Email: "mix@example.com", Password: "a long enough phrase", FirstName: "Mi", LastName: "Ix"})
	if err != nil {
		t.Fatal(err)
	}
	l.who = login.Principal
	if _, err := l.app.Billing().ChangePlan(ctx, l.who.TenantID, billing.ChangePlanInput{Plan: "basic", Actor: l.who.UserID}); err != nil {
		t.Fatal(err)
	}
	if _, l.bot, err = l.app.Bots().Create(ctx, l.who, in); err != nil {
		t.Fatal(err)
	}
	return l
}

// summary is the bot's account.
func (l *life) summary() journal.Summary {
	l.t.Helper()
	cp, err := l.store.Checkpoint(l.t.Context(), l.who.TenantID, l.bot.ID)
	if err != nil {
		l.t.Fatal(err)
	}
	return cp.Summary
}

// in counts the fills of a pair.
func in(fills []journal.Fill, pair string) int {
	n := 0
	for _, f := range fills {
		if f.Pair == pair {
			n++
		}
	}
	return n
}

// A bot of two pairs that is stopped and started goes on with its account, in both
// pairs; with other pairs it gets a new one, and no number is used twice. Its process
// that is killed meanwhile changes nothing of that.
func TestRunsOfABotOfTwoPairs(t *testing.T) {
	t.Parallel()
	dbtest.EachURL(t, func(t *testing.T, url string) {
		l := mixed(t, url)
		l.start()
		l.until("fills in both pairs", func() bool {
			f := l.fills()
			return in(f, demo.XBTMYR) >= 1 && in(f, demo.ETHMYR) >= 3
		})
		p, err := l.app.Host().Process(t.Context(), "rebalance", "shared")
		if err != nil {
			t.Fatal(err)
		}
		pid, err := strconv.Atoi(p.ID())
		if err != nil || pid == os.Getpid() {
			t.Fatalf("the process is %q, %v", p.ID(), err)
		}
		if err := syscall.Kill(pid, syscall.SIGKILL); err != nil {
			t.Fatal(err)
		}
		<-p.Done()
		n := len(l.fills())
		l.until("fills after the kill", func() bool { return len(l.fills()) >= n+2 })
		l.stop()
		first, before := l.fills(), l.summary()
		if len(before.Positions) != 2 || before.Positions[0].Position.IsZero() || before.Positions[1].Position.IsZero() {
			t.Fatalf("it holds %+v", before.Positions)
		}
		l.start()
		l.until("fills of the second run", func() bool { return len(l.fills()) >= len(first)+2 })
		l.stop()
		if second := l.summary(); !second.Since.Equal(before.Since) || second.Fills != int64(len(l.fills())) {
			t.Errorf("the account that goes on is %+v after %+v", second, before)
		}
		markets := markets(t)
		m, err := report.Measure(t.Context(), l.store, l.bot, markets[demo.XBTMYR], markets[demo.ETHMYR])
		if sum := l.summary(); err != nil || int64(m.Trips) != sum.Trades || m.Trips == 0 || m.Exposure < 0.9 {
			t.Errorf("measured %+v, %v; the account has counted %d", m, err, sum.Trades)
		}

		changed, err := l.app.Bots().Update(t.Context(), l.who, l.bot.ConfigID, bot.UpdateInput{Also: []string{}, Parameters: []byte(`{"weight":"40","band":"0.1"}`)})
		if err != nil || len(changed.Also) != 0 {
			t.Fatalf("%+v, %v", changed, err)
		}
		ends := len(l.fills())
		l.start()
		l.until("a fill of the third run", func() bool { return len(l.fills()) > ends })
		l.stop()
		all, third := l.fills(), l.summary()
		if len(third.Positions) != 0 || third.Fills != int64(len(all)-ends) || in(all[ends:], demo.ETHMYR) != 0 {
			t.Errorf("the new account of one pair is %+v", third)
		}
		if !slices.IsSortedFunc(all, func(a, b journal.Fill) int { return int(a.Sequence - b.Sequence) }) || all[len(all)-1].Sequence != int64(len(all)) {
			t.Error("fills are not numbered one after the other")
		}
	})
}

// markets are those of the demo market.
func markets(t *testing.T) map[string]exchange.Market {
	t.Helper()
	replay, err := demo.New(demo.Config{})
	if err != nil {
		t.Fatal(err)
	}
	list, err := replay.Markets(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	out := map[string]exchange.Market{}
	for _, m := range list {
		out[m.Pair] = m
	}
	return out
}

// What rebalance cannot trade is refused when its bot is made, with the field's name.
func TestSharesThatDoNotMatchAreRefused(t *testing.T) {
	t.Parallel()
	l := live(t, dbtest.SQLiteURL(t))
	for _, c := range []struct {
		also         []string
		params, want string
	}{
		{nil, `{"others":"ETHMYR=20"}`, "/parameters/others has ETHMYR, which is none of the bot's further pairs"},
		{[]string{"ETHMYR"}, `{"others":"XBTMYR=20"}`, "/parameters/others has XBTMYR, which is none of the bot's further pairs"},
	} {
		_, _, err := l.app.Bots().Create(t.Context(), l.who, bot.CreateInput{Name: "a", Pair: "XBTMYR", Also: c.also, Strategy: "rebalance", Parameters: []byte(c.params)})
		if got := faultOf(t, err); got != c.want {
			t.Errorf("%v with %s: %q, want %q", c.also, c.params, got, c.want)
		}
	}
	_, _, err := l.app.Bots().Create(t.Context(), l.who, bot.CreateInput{Name: "a", Pair: "XBTMYR", Also: []string{"ETHMYR"}, Strategy: "basic"})
	if got := faultOf(t, err); got != "/further_pairs must be empty: basic trades one pair only" {
		t.Error(got)
	}
}

// faultOf is the only faulty field of an error.
func faultOf(t *testing.T, err error) string {
	t.Helper()
	var e *errs.Error
	if !errors.As(err, &e) || len(e.Fields) != 1 {
		t.Fatalf("got %v", err)
	}
	return e.Fields[0].Path + " " + e.Fields[0].Reason
}
