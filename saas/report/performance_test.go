package report_test

import (
	"context"
	"fmt"
	"math"
	"slices"
	"strconv"
	"testing"
	"time"

	"github.com/shopspring/decimal"
	"pgregory.net/rapid"

	"github.com/lunobot/lunobot/exchange"
	"github.com/lunobot/lunobot/saas/bot"
	"github.com/lunobot/lunobot/saas/errs"
	"github.com/lunobot/lunobot/saas/journal"
	"github.com/lunobot/lunobot/saas/page"
	"github.com/lunobot/lunobot/saas/report"
	"github.com/lunobot/lunobot/strategy/perf"
	"github.com/lunobot/lunobot/strategy/portfolio"
)

func market() exchange.Market {
	return exchange.Market{Pair: "XBTMYR", Base: "XBT", Counter: "MYR", Tick: decimal.New(1, 0), Step: decimal.New(1, -6)}
}

// start is the midnight that the accounts here begin at.
func start() time.Time { return time.Date(2026, 3, 1, 0, 0, 0, 0, time.UTC) }

// kept is a journal of one bot in memory, its fills newest first.
type kept struct {
	sum   journal.Summary
	fills []journal.Fill
	days  []journal.EquityPoint
	// moves, if set, is called before each summary is read.
	moves func(k *kept)
}

func (k *kept) Summaries(_ context.Context, _ string, ids ...string) (map[string]journal.Summary, error) {
	if k.moves != nil {
		k.moves(k)
	}
	return map[string]journal.Summary{ids[0]: k.sum}, nil
}

func (k *kept) Fills(_ context.Context, _, _ string, p page.Page) ([]journal.Fill, error) {
	at := 0
	if p.After != "" {
		last, err := strconv.ParseInt(p.After, 10, 64)
		if err != nil {
			return nil, err
		}
		at = slices.IndexFunc(k.fills, func(f journal.Fill) bool { return f.Sequence < last })
		if at < 0 {
			return nil, nil
		}
	}
	return k.fills[at:min(at+p.Bounded().Limit+1, len(k.fills))], nil
}

func (k *kept) DailyEquity(_ context.Context, _, _ string, since time.Time) ([]journal.EquityPoint, error) {
	return slices.DeleteFunc(slices.Clone(k.days), func(p journal.EquityPoint) bool { return !p.Time.After(since) }), nil
}

func measure(t interface {
	Helper()
	Fatal(args ...any)
	Context() context.Context
}, k *kept) report.Performance {
	t.Helper()
	p, err := report.Measure(t.Context(), k, bot.Bot{ID: "b", TenantID: "t"}, market())
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// equity makes the points of days that end with these amounts.
func equity(amounts ...float64) []journal.EquityPoint {
	var list []journal.EquityPoint
	for i, a := range amounts {
		list = append(list, journal.EquityPoint{Time: start().AddDate(0, 0, i+1), Equity: decimal.NewFromFloat(a)})
	}
	return list
}

func near(got perf.Number, want float64) bool {
	return math.Abs(got.Float()-want) < 1e-12*max(1, math.Abs(want))
}

// The Sharpe ratio is that of the whole days, made annual; a day on which nothing
// was heard of the bot is one without a return.
func TestSharpe(t *testing.T) {
	t.Parallel()
	days := equity(10_100, 10_050, 10_200, 10_150)
	days = slices.Delete(days, 2, 3)                                                                            // the third day tells nothing
	days = append(days, journal.EquityPoint{Time: start().Add(100 * time.Hour), Equity: decimal.New(5_000, 0)}) // the fifth is not over
	k := &kept{sum: journal.Summary{Equity: decimal.New(5_000, 0), Profit: decimal.New(-5_000, 0), Since: start()}, days: days}
	p := measure(t, k)
	want := perf.MomentsOf([]float64{100.0 / 10_000, -50.0 / 10_100, 0, 100.0 / 10_050}).Sharpe().Float() * math.Sqrt(365)
	if p.Days != 4 || !near(p.Sharpe, want) || !p.From.Equal(start()) || !p.To.Equal(start().Add(100*time.Hour)) {
		t.Errorf("%+v, want a Sharpe ratio of %v", p, want)
	}
	// An account that begins within a day has its first whole day later.
	k.sum.Since = start().Add(time.Hour)
	if p = measure(t, k); p.Days != 3 {
		t.Errorf("%d whole days, want 3", p.Days)
	}
}

// Where there is not enough to tell a figure, it is not defined, and no error.
func TestTooLittle(t *testing.T) {
	t.Parallel()
	buy := journal.Fill{Sequence: 1, ClientID: "1", Side: "buy", Volume: decimal.New(1, -3), Time: start().Add(time.Hour)}
	sell := journal.Fill{Sequence: 2, ClientID: "2", Side: "sell", Volume: decimal.New(1, -3), Profit: decimal.New(3, 0), Time: start().Add(2 * time.Hour)}
	begun := journal.Summary{Equity: decimal.New(10_000, 0), Since: start()}
	traded := begun
	traded.Fills = 2
	for name, c := range map[string]struct {
		k                              *kept
		sharpe, rate, factor, exposure bool
	}{
		"nothing":         {&kept{}, false, false, false, false},
		"a start":         {&kept{sum: begun}, false, false, false, false},
		"half a day":      {&kept{sum: begun, days: equity(10_000)[:1]}, false, false, false, true},
		"equal days":      {&kept{sum: begun, days: equity(10_000, 10_000, 10_000)}, false, false, false, true},
		"a trip, no loss": {&kept{sum: traded, fills: []journal.Fill{sell, buy}, days: equity(10_003)}, false, true, false, true},
		"two days":        {&kept{sum: traded, fills: []journal.Fill{sell, buy}, days: equity(10_003, 10_003)}, true, true, false, true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := measure(t, c.k)
			if p.Sharpe.Defined() != c.sharpe || p.WinRate.Defined() != c.rate || p.ProfitFactor.Defined() != c.factor || p.Exposure.Defined() != c.exposure {
				t.Errorf("%+v", p)
			}
			if p.Exposure.Defined() == p.From.IsZero() {
				t.Errorf("an exposure of %s since %s", p.Exposure, p.From)
			}
		})
	}
}

// An account from before its beginning was noted begins with the first that is
// known of it.
func TestUnknownBeginning(t *testing.T) {
	t.Parallel()
	buy := journal.Fill{Sequence: 1, ClientID: "1", Side: "buy", Volume: decimal.New(1, -3), Time: start().Add(12*time.Hour + time.Second)}
	p := measure(t, &kept{sum: journal.Summary{Equity: decimal.New(10_000, 0), Position: decimal.New(1, -3), Fills: 1}, fills: []journal.Fill{buy}, days: equity(10_000, 10_000)})
	if !p.From.Equal(start().Add(12*time.Hour)) || !near(p.Exposure, 1-1.0/(36*3600)) {
		t.Errorf("%+v", p)
	}
}

// book is what an account does at random, booked by package portfolio and written
// down as a worker does.
type book struct {
	account portfolio.Portfolio
	fills   []journal.Fill // oldest first
	trades  []portfolio.Trade
	held    time.Duration // with a position
	opened  time.Time
}

// play trades at random: orders in parts, fees in either currency, at times that
// grow.
func play(t *rapid.T) (*book, time.Time) {
	m := market()
	b := &book{account: portfolio.New(1_000_000_000_000)}
	at := start()
	for n := range rapid.IntRange(0, 40).Draw(t, "orders") {
		side := rapid.SampledFrom([]exchange.Side{exchange.Buy, exchange.Sell}).Draw(t, "side")
		for range rapid.IntRange(1, 3).Draw(t, "parts") {
			at = at.Add(time.Duration(rapid.IntRange(1, 900).Draw(t, "wait")) * time.Second)
			f := exchange.Fill{
				OrderID: fmt.Sprint(n), ClientID: fmt.Sprint(n), Sequence: int64(len(b.fills) + 1), Side: side, Time: at.UnixMilli(),
				Price: exchange.Ticks(rapid.IntRange(1_000, 3_000).Draw(t, "price")), Volume: exchange.Steps(rapid.IntRange(1_000, 500_000).Draw(t, "volume")),
			}
			if side == exchange.Sell {
				if f.Volume = min(f.Volume, b.account.Base); rapid.Bool().Draw(t, "all") {
					f.Volume = b.account.Base
				}
			}
			if f.Volume == 0 {
				continue
			}
			value, err := f.Price.Times(f.Volume)
			if err != nil {
				t.Fatal(err)
			}
			f.Value = value
			switch {
			case rapid.Bool().Draw(t, "fee in base") && side == exchange.Buy:
				f.FeeBase = exchange.Dust(f.Volume) * exchange.DustPerStep / 1_000
			default:
				f.FeeCounter = value / 1_000
			}
			before := b.account.Base
			res, err := b.account.Apply(f)
			if err != nil {
				t.Fatal(err)
			}
			switch {
			case before == 0 && b.account.Base > 0:
				b.opened = at
			case before > 0 && b.account.Base == 0:
				b.held += at.Sub(b.opened)
			}
			if res.Closes {
				if last := len(b.trades) - 1; last >= 0 && b.trades[last].OrderID == f.OrderID {
					b.trades[last] = res.Trade
				} else {
					b.trades = append(b.trades, res.Trade)
				}
			}
			b.fills = append(b.fills, journal.Fill{
				Sequence: f.Sequence, ClientID: f.ClientID, Side: f.Side.String(), Price: m.Price(f.Price), Volume: m.Volume(f.Volume), Value: m.Amount(f.Value),
				FeeCounter: m.Amount(f.FeeCounter), FeeBase: m.DustAmount(f.FeeBase), Profit: m.Amount(res.Profit), Time: at,
			})
		}
	}
	if b.account.Base > 0 {
		b.held += at.Sub(b.opened)
	}
	return b, at
}

// kept is the book as the journal has it, after other accounts' fills.
func (b *book) kept(to time.Time) *kept {
	m := market()
	k := &kept{sum: journal.Summary{
		Equity: m.Amount(b.account.Counter), Profit: m.Amount(b.account.Counter - b.account.Start), Position: m.Volume(b.account.Base),
		Fills: int64(len(b.fills)), Since: start(),
	}}
	if to.After(start()) {
		k.days = []journal.EquityPoint{{Time: to, Equity: k.sum.Equity}}
	}
	k.fills = slices.Clone(b.fills)
	slices.Reverse(k.fills)
	k.fills = append(k.fills, journal.Fill{Sequence: 0, ClientID: "other", Side: "sell", Volume: decimal.New(1, 0), Profit: decimal.New(-1e9, 0), Time: start().Add(-time.Hour)})
	return k
}

// proves N1: round trips come to the last unit to what the account itself booked,
// whatever orders, parts and fees there were, and exposure to the second.
func TestRoundTripsAreThoseOfTheAccount(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		b, last := play(t)
		to := last.Add(time.Minute).Truncate(time.Minute)
		p := measure(t, b.kept(to))
		var won, lost int
		var gained, gone int64
		for _, trade := range b.trades {
			switch profit := int64(trade.Profit()); {
			case profit > 0:
				won, gained = won+1, gained+profit
			case profit < 0:
				lost, gone = lost+1, gone-profit
			}
		}
		if p.Trips != len(b.trades) || p.Trips != int(b.account.Trades) || p.Won != won || p.Lost != lost {
			t.Fatalf("%d trips, %d won, %d lost; the account has %d, %d and %d", p.Trips, p.Won, p.Lost, len(b.trades), won, lost)
		}
		if p.ProfitFactor.Defined() != (lost > 0) || lost > 0 && p.ProfitFactor != perf.Number(float64(gained)/float64(gone)) {
			t.Fatalf("profit factor %s of %d and %d", p.ProfitFactor, gained, gone)
		}
		held := b.held
		if b.account.Base > 0 {
			held += to.Sub(last)
		}
		if to.After(start()) && !near(p.Exposure, held.Seconds()/to.Sub(start()).Seconds()) {
			t.Fatalf("exposure %v, want %s of %s", p.Exposure, held, to.Sub(start()))
		}
	})
}

// Of an account with more fills than are read, the figures of trips are of the
// newest ones, and a position that was held before them counts.
func TestVeryManyFills(t *testing.T) {
	t.Parallel()
	k := &kept{sum: journal.Summary{Equity: decimal.New(10_000, 0), Since: start(), Fills: report.MostFills + 3}}
	for i := range int(k.sum.Fills) {
		f := journal.Fill{Sequence: int64(i + 1), ClientID: fmt.Sprint(i), Side: "buy", Volume: decimal.New(1, -3), Time: start().Add(time.Duration(i) * time.Minute)}
		if i%2 == 1 {
			f.Side, f.Profit = "sell", decimal.New(int64(i%4-2), 0) // in turns -1 and 1
		}
		k.fills = append(k.fills, f)
	}
	k.sum.Position = decimal.New(1, -3) // the last one bought
	slices.Reverse(k.fills)
	last := k.fills[0].Time
	k.days = []journal.EquityPoint{{Time: last, Equity: decimal.New(10_000, 0)}}
	p := measure(t, k)
	// The first that is read sells what was bought before.
	if p.Trips != report.MostFills/2 || p.Won != p.Trips/2 || !p.TripsFrom.Equal(start().Add(3*time.Minute)) || !p.From.Equal(start()) {
		t.Errorf("%+v", p)
	}
	if want := 0.5; math.Abs(p.Exposure.Float()-want) > 1e-4 {
		t.Errorf("an exposure of %v, want %v", p.Exposure, want)
	}
}

// The account and its fills are of one moment, also if the bot trades while they
// are read; one that never rests is refused.
func TestBotsThatTradeMeanwhile(t *testing.T) {
	t.Parallel()
	reads := 0
	k := &kept{sum: journal.Summary{Equity: decimal.New(10_000, 0), Since: start()}, days: equity(10_000)}
	trade := func(k *kept) {
		k.sum.Fills++
		side := []string{"sell", "buy"}[k.sum.Fills%2]
		k.fills = slices.Insert(k.fills, 0, journal.Fill{
			Sequence: k.sum.Fills, ClientID: fmt.Sprint(k.sum.Fills), Side: side, Volume: decimal.New(1, -3), Time: start().Add(time.Duration(k.sum.Fills) * time.Minute),
		})
	}
	k.moves = func(k *kept) {
		if reads++; reads <= 4 {
			trade(k)
		}
	}
	if p := measure(t, k); p.Trips != 2 {
		t.Errorf("%d trips, want 2", p.Trips)
	}
	k.moves = trade
	if _, err := report.Measure(t.Context(), k, bot.Bot{ID: "b", TenantID: "t"}, market()); errs.KindOf(err) != errs.Unavailable {
		t.Errorf("a bot that never rests: %v", err)
	}
}

// Of a bot that trades two pairs, the round trips are those of each pair, whatever lies
// between their fills, and it holds something while it does in either.
func TestTwoPairs(t *testing.T) {
	t.Parallel()
	ether := exchange.Market{Pair: "ETHMYR", Base: "ETH", Counter: "MYR", Tick: decimal.New(1, -2), Step: decimal.New(1, -6)}
	at := func(hour int) time.Time { return start().Add(time.Duration(hour) * time.Hour) }
	number := int64(0)
	fill := func(pair, side, order string, hour int, profit int64) journal.Fill {
		number++
		return journal.Fill{Sequence: number, Pair: pair, Side: side, ClientID: order, Volume: decimal.New(1, 0), Profit: decimal.New(profit, 0), Time: at(hour)}
	}
	k := &kept{
		sum: journal.Summary{Equity: decimal.New(1010, 0), Profit: decimal.New(10, 0), Fills: 6, Since: start(), Positions: []journal.Position{
			{Pair: "XBTMYR"}, {Pair: "ETHMYR", Position: decimal.New(1, 0)},
		}},
		fills: []journal.Fill{
			fill("XBTMYR", "buy", "1", 6, 0), fill("ETHMYR", "buy", "2", 9, 0), fill("XBTMYR", "sell", "3", 12, 30), fill("ETHMYR", "sell", "4", 15, -20),
			fill("ETHMYR", "buy", "5", 18, 0), fill("XBTMYR", "buy", "6", 21, 0),
		},
		days: []journal.EquityPoint{{Time: at(24), Equity: decimal.New(1010, 0)}},
	}
	slices.Reverse(k.fills)
	p, err := report.Measure(t.Context(), k, bot.Bot{ID: "b", TenantID: "t"}, market(), ether)
	if err != nil {
		t.Fatal(err)
	}
	if p.Trips != 2 || p.Won != 1 || p.Lost != 1 || p.ProfitFactor != 1.5 || !near(p.Exposure, 15.0/24) { // all but 0 to 6 and 15 to 18 o'clock
		t.Errorf("measured %+v", p)
	}
	// Fills from before those that are read are told by what is held in each pair.
	k.sum.Fills, k.sum.Positions[0].Position = 20, decimal.New(2, 0)
	if p, err = report.Measure(t.Context(), k, bot.Bot{ID: "b", TenantID: "t"}, market(), ether); err != nil || p.Trips != 2 || !p.TripsFrom.Equal(at(6)) || !near(p.Exposure, 1) {
		t.Errorf("of a part of the fills it measured %+v, %v", p, err)
	}
}
