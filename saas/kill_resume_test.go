package saas_test

import (
	"fmt"
	"math/rand/v2"
	"net/http"
	"testing"
	"time"

	"github.com/lunobot/lunobot/exchange"
	"github.com/lunobot/lunobot/exchange/marketdata/demo"
	"github.com/lunobot/lunobot/exchange/paper"
	"github.com/lunobot/lunobot/plugins/basic/basic"
	"github.com/lunobot/lunobot/saas/saastest"
	"github.com/lunobot/lunobot/strategy"
	"github.com/lunobot/lunobot/strategy/engine"
	"github.com/lunobot/lunobot/strategy/portfolio"
)

// buildServer builds the host as a user would.
func buildServer(t *testing.T) string {
	t.Helper()
	return shared.build(t, "../hosts/server")
}

// all fetches a whole list, oldest first.
func all[T any](s *saastest.Client, path string) []T {
	var list []T
	cursor := ""
	for {
		var page struct {
			Items []T     `json:"items"`
			Next  *string `json:"next_cursor"`
		}
		s.Call(http.MethodGet, path+"?limit=200&cursor="+cursor, nil, &page, http.StatusOK)
		list = append(list, page.Items...)
		if page.Next == nil {
			break
		}
		cursor = *page.Next
	}
	for i, j := 0, len(list)-1; i < j; i, j = i+1, j-1 {
		list[i], list[j] = list[j], list[i]
	}
	return list
}

type apiFill struct {
	Sequence int64     `json:"sequence"`
	Side     string    `json:"side"`
	Price    string    `json:"price"`
	Volume   string    `json:"volume"`
	Fee      string    `json:"fee_counter"`
	Time     time.Time `json:"time"`
}

type apiOrder struct {
	Number      int64     `json:"number"`
	Side        string    `json:"side"`
	State       string    `json:"state"`
	Filled      string    `json:"filled"`
	FilledValue string    `json:"filled_value"`
	Fee         string    `json:"fee"`
	CreatedAt   time.Time `json:"created_at"`
}

// proves T3 and PL1 for paper: a server that is killed again and again while a
// bot trades leaves the same orders and fills as one that never was; and PL2: a
// replay of what it saw is identical.
func TestKillResume(t *testing.T) {
	t.Parallel()
	const kills, speed, seed = 6, 1_500, 7
	s := saastest.New(t, saastest.Config{Binary: buildServer(t), Env: []string{
		"LUNOBOT_DATA_DIR=" + t.TempDir(), fmt.Sprintf("LUNOBOT_DEMO_SPEED=%d", speed), fmt.Sprintf("LUNOBOT_DEMO_SEED=%d", seed),
	}}).Client()
	s.Start()
	s.Token = s.Register("kill@example.com").Token
	var made struct {
		BotID string `json:"bot_id"`
	}
	s.Call(http.MethodPost, "/api/v1/trading/configs", map[string]any{
		"name": "survivor", "trading_pair": "XBTMYR", "strategy_type": "basic", "parameters": map[string]int{"fast": 3, "slow": 8},
	}, &made, http.StatusCreated)
	path := "/api/v1/trading/bots/" + made.BotID
	s.Call(http.MethodPost, path+"/start", nil, nil, http.StatusOK)

	untilAtWork(t, s, path)
	chance := rand.New(rand.NewPCG(seed, kills))
	for range kills {
		time.Sleep(time.Duration(700+chance.IntN(1500)) * time.Millisecond) // the moment of the kill is the test
		s.Kill()
		s.Start()
	}
	time.Sleep(time.Second)
	stopBot(t, s, path)
	fills, orders := all[apiFill](s, path+"/fills"), all[apiOrder](s, path+"/orders")
	decisions := all[struct {
		Kind string    `json:"kind"`
		Time time.Time `json:"time"`
	}](s, path+"/decisions")
	if decisions[0].Kind != "started" || decisions[len(decisions)-1].Kind != "stopped" {
		t.Fatalf("the log begins with %q and ends with %q", decisions[0].Kind, decisions[len(decisions)-1].Kind)
	}
	want := uninterrupted(t, seed, decisions[0].Time, decisions[len(decisions)-1].Time)
	compare(t, "fill", fills, want.fills)
	compare(t, "order", orders, want.orders)
	if len(fills) < 10 {
		t.Errorf("only %d fills: the run proves little", len(fills))
	}
	replayAll(t, s, path, int64(decisions[len(decisions)-1].Time.Sub(decisions[0].Time)/time.Minute), kills)
	t.Logf("seed %d: %d kills, %d orders, %d fills, the same as without a kill", seed, kills, len(orders), len(fills))
}

// untilAtWork waits until a bot that was started has decided something.
func untilAtWork(t *testing.T, s *saastest.Client, path string) {
	t.Helper()
	waitFor(t, "the bot to decide", func() bool { return len(all[struct{}](s, path+"/decisions")) > 1 })
}

// stopBot stops a bot and waits until it has.
func stopBot(t *testing.T, s *saastest.Client, path string) {
	t.Helper()
	s.Call(http.MethodPost, path+"/stop", nil, nil, http.StatusOK)
	waitFor(t, "the bot to stop", func() bool {
		var b struct {
			Status string `json:"status"`
		}
		s.Call(http.MethodGet, path, nil, &b, http.StatusOK)
		return b.Status == "stopped"
	})
}

// replayAll asks for a parity report, which must be of all candles and identical.
func replayAll(t *testing.T, s *saastest.Client, path string, candles int64, kills int) {
	t.Helper()
	s.Call(http.MethodPost, path+"/parity", nil, nil, http.StatusAccepted)
	var r struct {
		Status, Headline string
		Identical        bool
		Candles, Acts    int64
		Events           []struct{ Kind, Text string }
	}
	waitFor(t, "the parity report", func() bool {
		s.Call(http.MethodGet, path+"/parity", nil, &r, http.StatusOK)
		return r.Status != "queued" && r.Status != "running"
	})
	if r.Status != "done" || !r.Identical || r.Candles != candles || r.Acts == 0 {
		t.Errorf("of %d candles: %+v", candles, r)
	}
	if len(r.Events) == 0 || r.Events[0].Kind != "restarted" {
		t.Errorf("%d kills are not told: %+v", kills, r.Events)
	}
}

func compare[T comparable](t *testing.T, what string, got, want []T) {
	t.Helper()
	if len(got) != len(want) {
		t.Errorf("%d %ss, want %d", len(got), what, len(want))
	}
	for i := range min(len(got), len(want)) {
		if got[i] != want[i] {
			t.Fatalf("%s %d is %+v, want %+v", what, i, got[i], want[i])
		}
	}
}

// waitFor polls until ok; it fails the test after three minutes.
func waitFor(t *testing.T, what string, ok func() bool) {
	t.Helper()
	for deadline := time.Now().Add(3 * time.Minute); time.Now().Before(deadline); time.Sleep(50 * time.Millisecond) {
		if ok() {
			return
		}
	}
	t.Fatalf("waited three minutes for %s", what)
}

// reference is what a session that nobody interrupts does.
type reference struct {
	market exchange.Market
	fills  []apiFill
	orders []apiOrder
}

// uninterrupted runs the bot of the test from the moment of its start to that
// of its stop, in this process and in one go.
func uninterrupted(t *testing.T, seed uint64, from, to time.Time) *reference {
	t.Helper()
	replay, err := demo.New(demo.Config{Seed: seed})
	if err != nil {
		t.Fatal(err)
	}
	markets, err := replay.Markets(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	m := markets[0]
	ref := &reference{market: m}
	balance := exchange.Units(10_000 * 1_000_000) // 10,000 MYR at a tick of 1 and a step of 0.000001
	venue, err := paper.NewVenue(paper.VenueConfig{Market: m, Balance: balance, Fees: exchange.Fees{Maker: 250_000, Taker: 250_000}})
	if err != nil {
		t.Fatal(err)
	}
	instance, err := basic.Definition().Open(strategy.OpenInput{Market: m, Interval: time.Minute, Params: []byte(`{"fast":3,"slow":8}`)})
	if err != nil {
		t.Fatal(err)
	}
	session, err := engine.New(engine.Config{Market: m, Interval: time.Minute, Balance: balance, Venue: venue, Recorder: ref, Wants: instance.Wants})
	if err != nil {
		t.Fatal(err)
	}
	first := replay.Index(from) - 1 // the newest candle that had closed
	if err := session.Seek(replay.Candle(m.Pair, first)); err != nil {
		t.Fatal(err)
	}
	for i := first - int64(instance.Warmup()) - 1; i <= first; i++ {
		instance.Deliver(session.View(), session.Warm(replay.Candle(m.Pair, i)))
	}
	for i := first + 1; i < replay.Index(to); i++ {
		if err := session.Begin(new(replay.Candle(m.Pair, i))); err != nil {
			t.Fatal(err)
		}
		for ev := session.Next(); ev != nil; ev = session.Next() {
			if err := session.Commands(instance.Deliver(session.View(), ev)); err != nil {
				t.Fatal(err)
			}
		}
	}
	if err := session.CancelAll("stopped"); err != nil {
		t.Fatal(err)
	}
	return ref
}

// Fill implements engine.Recorder.
func (r *reference) Fill(f exchange.Fill, _ uint64, _ portfolio.Result) {
	r.fills = append(r.fills, apiFill{
		Sequence: f.Sequence, Side: f.Side.String(), Price: r.market.Price(f.Price).String(), Volume: r.market.Volume(f.Volume).String(),
		Fee: r.market.Amount(f.FeeCounter).String(), Time: time.UnixMilli(f.Time).UTC(),
	})
}

// Order implements engine.Recorder.
func (r *reference) Order(o engine.OrderRecord) {
	state := o.State.String()
	rec := apiOrder{
		Number: int64(o.Ref), Side: o.Request.Side.String(), State: state, Filled: r.market.Volume(o.Filled).String(),
		FilledValue: r.market.Amount(o.Value).String(), Fee: r.market.Amount(o.Fee).String(), CreatedAt: time.UnixMilli(o.Request.Time).UTC(),
	}
	if n := len(r.orders); n > 0 && r.orders[n-1].Number == rec.Number {
		r.orders[n-1] = rec
		return
	}
	r.orders = append(r.orders, rec)
}
