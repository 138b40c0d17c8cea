package runner

import (
	"context"
	"errors"
	"log/slog"
	"testing"
	"testing/synctest"
	"time"

	"github.com/shopspring/decimal"

	"github.com/lunobot/lunobot/exchange"
	"github.com/lunobot/lunobot/exchange/marketdata"
	"github.com/lunobot/lunobot/saas/bot"
	"github.com/lunobot/lunobot/strategy/backtest/parity"
	"github.com/lunobot/lunobot/strategy/engine"
)

// hanging is a history that answers nothing for as long as it may.
type hanging struct{ exchange.MarketData }

func (hanging) Candles(ctx context.Context, _ string, _ time.Duration, _ time.Time, _ int) ([]exchange.Candle, error) {
	<-ctx.Done()
	return nil, errors.New("the history hangs")
}

// first is when the newest candle opened that a waiting group's bot has had.
const first = 1_000 * span

// waitingGroup is a group with a bot that trades its own pair and further ones, of which no
// candle ever comes.
func waitingGroup(t *testing.T, further ...string) (*group, *member) {
	t.Helper()
	market := func(pair string) exchange.Market {
		return exchange.Market{
			Pair: pair, Base: pair[:3], Counter: "MYR", Tick: decimal.New(1, 0), Step: decimal.New(1, -6), Status: exchange.MarketActive,
		}
	}
	terms := parity.Terms{Market: market("XBTMYR"), Interval: base, Decide: base, Balance: 1_000_000_000}
	newest := exchange.Flat(first, 100)
	g := &group{r: &Runner{cfg: Config{
		Grace: 2 * time.Second, History: hanging{}, Log: slog.New(slog.DiscardHandler), MarketNow: func() time.Time { return time.UnixMilli(first) },
	}}}
	var begin []engine.PairCandle
	for _, pair := range further {
		terms.Also = append(terms.Also, market(pair))
		begin = append(begin, engine.PairCandle{Pair: pair, Candle: newest})
		g.references = append(g.references, &reference{pair: pair, sub: &marketdata.Subscription{}, lookout: &lookout{pair: pair}})
	}
	a, err := parity.NewAccount(terms, parity.AccountConfig{})
	if err == nil {
		err = a.Seek(newest, begin...)
	}
	if err != nil {
		t.Fatal(err)
	}
	m := &member{account: a, assignment: bot.Runnable{Config: bot.Config{Also: further}}}
	g.active = []*member{m}
	return g, m
}

// candles gives the bot candles of its own pair from one minute to another, and returns how
// long they waited for the other pairs.
func candles(t *testing.T, g *group, m *member, from, to int64) time.Duration {
	t.Helper()
	began := time.Now()
	for minute := from; minute <= to; minute++ {
		if others := g.others(t.Context(), first+minute*span, true); len(others) > 0 {
			t.Fatalf("minute %d came with %v", minute, others)
		}
		if err := m.account.Begin(exchange.Flat(first+minute*span, 100)); err != nil {
			t.Fatal(err)
		}
		for m.account.Next() != nil {
			continue
		}
	}
	return time.Since(began)
}

// proves M2: one time of grace is for all pairs that are silent, however many.
func TestGraceIsForAllPairs(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		g, m := waitingGroup(t, "ETHMYR", "LTCMYR", "XRPMYR")
		if waited := candles(t, g, m, 1, 1); waited != 2*g.r.cfg.Grace { // once for the streams, once for the history
			t.Errorf("three silent pairs are waited for %s, want %s", waited, 2*g.r.cfg.Grace)
		}
	})
}

// proves M2: a pair that stays silent, and whose history hangs, holds the candles up for a
// while only, and then hardly ever.
func TestASilentPairIsNotWaitedForForEver(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		g, m := waitingGroup(t, "ETHMYR")
		if waited := candles(t, g, m, 1, engine.StaleCandles); waited < engine.StaleCandles*g.r.cfg.Grace {
			t.Errorf("at first it is waited for %s, want %s at least", waited, engine.StaleCandles*g.r.cfg.Grace)
		}
		const hour = 60
		if waited := candles(t, g, m, engine.StaleCandles+1, engine.StaleCandles+hour); waited > 6*g.r.cfg.Grace {
			t.Errorf("an hour's candles waited %s in all, want %s at most", waited, 6*g.r.cfg.Grace)
		}
	})
}
