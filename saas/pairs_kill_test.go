package saas_test

import (
	"fmt"
	"math/rand/v2"
	"net/http"
	"testing"
	"time"

	"github.com/lunobot/lunobot/exchange"
	"github.com/lunobot/lunobot/exchange/marketdata/demo"
	"github.com/lunobot/lunobot/plugins/rebalance/rebalance"
	"github.com/lunobot/lunobot/saas/db/dbtest"
	"github.com/lunobot/lunobot/saas/saastest"
	"github.com/lunobot/lunobot/strategy"
	"github.com/lunobot/lunobot/strategy/backtest/parity"
	"github.com/lunobot/lunobot/strategy/engine"
	"github.com/lunobot/lunobot/strategy/portfolio"
)

// pairFill and pairOrder are fills and orders with their pair.
type pairFill struct {
	apiFill
	Pair string `json:"pair"`
}

type pairOrder struct {
	apiOrder
	Pair string `json:"pair"`
}

// mixParams keep two shares within narrow bands, so that there is much to do.
const mixParams = `{"weight":"40","others":"ETHMYR=40","band":"0.1","back":"target","every":1}`

// proves T3 and PL1 for a bot of two pairs with one balance: a server that is killed
// again and again leaves the same orders and fills in both pairs as one that never
// was; and PL2: a replay of what it saw is identical.
func TestKillResumeOfTwoPairs(t *testing.T) {
	t.Parallel()
	binary := buildServer(t)
	dbtest.EachURL(t, func(t *testing.T, url string) { killResumeOfTwoPairs(t, binary, url) })
}

func killResumeOfTwoPairs(t *testing.T, binary, url string) {
	t.Helper()
	const kills, speed, seed = 4, 4_000, 7
	s := saastest.New(t, saastest.Config{Binary: binary, Env: []string{
		"LUNOBOT_DATA_DIR=" + t.TempDir(), "DATABASE_URL=" + url, fmt.Sprintf("LUNOBOT_DEMO_SPEED=%d", speed), fmt.Sprintf("LUNOBOT_DEMO_SEED=%d", seed),
	}}).Client()
	s.Start()
	s.Token = s.Register("pairs@example.com").Token
	config := map[string]any{
		"name": "mix", "trading_pair": "XBTMYR", "further_pairs": []string{"ETHMYR"}, "strategy_type": "rebalance",
		"parameters": map[string]any{"weight": "40", "others": "ETHMYR=40", "band": "0.1"},
	}
	s.Call(http.MethodPost, "/api/v1/trading/configs", config, nil, http.StatusForbidden) // the free plan has one pair
	s.Call(http.MethodPost, "/api/v1/subscriptions/upgrade", map[string]int{"plan_id": 2}, nil, http.StatusOK)
	var made struct {
		BotID        string   `json:"bot_id"`
		FurtherPairs []string `json:"further_pairs"`
	}
	s.Call(http.MethodPost, "/api/v1/trading/configs", config, &made, http.StatusCreated)
	if len(made.FurtherPairs) != 1 || made.FurtherPairs[0] != "ETHMYR" {
		t.Fatalf("it trades %v too", made.FurtherPairs)
	}
	path := "/api/v1/trading/bots/" + made.BotID
	s.Call(http.MethodPost, path+"/start", nil, nil, http.StatusOK)
	untilAtWork(t, s, path)
	chance := rand.New(rand.NewPCG(seed, kills))
	for range kills {
		time.Sleep(time.Duration(600+chance.IntN(1200)) * time.Millisecond) // the moment of the kill is the test
		s.Kill()
		s.Start()
	}
	traded := func(fills []pairFill) map[string]int {
		in := map[string]int{}
		for _, f := range fills {
			in[f.Pair]++
		}
		return in
	}
	waitFor(t, "fills in both pairs", func() bool {
		in := traded(all[pairFill](s, path+"/fills"))
		return in["XBTMYR"] >= 3 && in["ETHMYR"] >= 3 // else the run proves little
	})
	stopBot(t, s, path)
	var b struct {
		Summary struct {
			Positions []struct{ Pair, Position string }
		} `json:"summary"`
	}
	s.Call(http.MethodGet, path, nil, &b, http.StatusOK)
	decisions := all[struct {
		Kind string    `json:"kind"`
		Time time.Time `json:"time"`
	}](s, path+"/decisions")
	want := uninterruptedMix(t, seed, decisions[0].Time, decisions[len(decisions)-1].Time)
	fills, orders := all[pairFill](s, path+"/fills"), all[pairOrder](s, path+"/orders")
	compare(t, "fill", fills, want.fills)
	compare(t, "order", orders, want.orders)
	for i, p := range want.account.Positions() {
		if got := b.Summary.Positions; len(got) != 2 || got[i].Pair != p.Market.Pair || got[i].Position != p.Market.Volume(p.Base).String() {
			t.Errorf("it holds %+v, want %s in %s", got, p.Market.Volume(p.Base), p.Market.Pair)
		}
	}
	replayAll(t, s, path, int64(decisions[len(decisions)-1].Time.Sub(decisions[0].Time)/time.Minute), kills)
	t.Logf("seed %d: %d kills, %d orders, fills %v, the same as without a kill", seed, kills, len(orders), traded(fills))
}

// mixReference is what an account of two pairs that nobody interrupts does.
type mixReference struct {
	markets map[string]exchange.Market
	account *parity.Account
	fills   []pairFill
	orders  []pairOrder
}

// uninterruptedMix runs the bot of the test from the moment of its start to that of
// its stop, in this process and in one go.
func uninterruptedMix(t *testing.T, seed uint64, from, to time.Time) *mixReference {
	t.Helper()
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	replay, err := demo.New(demo.Config{Seed: seed})
	must(err)
	markets, err := replay.Markets(t.Context())
	must(err)
	ref := &mixReference{markets: map[string]exchange.Market{}}
	for _, m := range markets {
		ref.markets[m.Pair] = m
	}
	own, also := ref.markets[demo.XBTMYR], ref.markets[demo.ETHMYR]
	instance, err := rebalance.Definition().Open(strategy.OpenInput{
		Market: own, Also: []exchange.Market{also}, Interval: time.Minute, Params: []byte(mixParams), Explain: true,
	})
	must(err)
	terms := parity.Terms{
		Market: own, Also: []exchange.Market{also}, Interval: time.Minute, Decide: time.Minute, Balance: 10_000 * 1_000_000, Fees: exchange.Fees{Maker: 250_000, Taker: 250_000},
	}
	a, err := parity.NewAccount(terms, parity.AccountConfig{Recorder: ref, Wants: instance.Wants})
	must(err)
	ref.account = a
	first := replay.Index(from) - 1 // the newest candle that had closed
	further := func(i int64) engine.PairCandle {
		return engine.PairCandle{Pair: also.Pair, Candle: replay.Candle(also.Pair, i)}
	}
	must(a.Seek(replay.Candle(own.Pair, first), further(first)))
	for i := first + 1; i < replay.Index(to); i++ {
		must(a.Begin(replay.Candle(own.Pair, i), further(i)))
		for ev := a.Next(); ev != nil; ev = a.Next() {
			must(a.Commands(instance.Deliver(a.View(), ev)))
		}
	}
	must(a.CancelAll("stopped"))
	return ref
}

// Fill implements engine.Recorder.
func (r *mixReference) Fill(f exchange.Fill, ref uint64, p portfolio.Result) {
	one := &reference{market: r.markets[f.Pair]}
	one.Fill(f, ref, p)
	one.fills[0].Sequence = int64(len(r.fills) + 1)
	r.fills = append(r.fills, pairFill{one.fills[0], f.Pair})
}

// Order implements engine.Recorder.
func (r *mixReference) Order(o engine.OrderRecord) {
	one := &reference{market: r.markets[o.Request.Pair]}
	one.Order(o)
	rec := pairOrder{one.orders[0], o.Request.Pair}
	for i := range r.orders {
		if r.orders[i].Number == rec.Number {
			r.orders[i] = rec
			return
		}
	}
	r.orders = append(r.orders, rec)
}
