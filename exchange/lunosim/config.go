package lunosim

import (
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/shopspring/decimal"

	"github.com/lunobot/lunobot/exchange"
)

// Config describes a simulated Luno.
type Config struct {
	// Accounts are who trades there. Defaults to the one of DefaultAccounts.
	Accounts []Account
	// BaseFees takes fees in the base currency, as Luno does of some. Defaults to
	// the counter currency.
	BaseFees bool
	// Course names what the markets follow, if that is a function of the time since
	// Began: prices would jump if it were another one after a restart. Defaults to
	// nothing.
	Course string
	// Fees are everybody's rates. Defaults to those of DefaultFees.
	Fees *exchange.Fees
	// Limit is how many calls an account, or an address without a key, may make in
	// a minute. Defaults to 0, no limit; Luno's own is 300.
	Limit int
	// Log hears of faults and of what is refused. Defaults to nobody.
	Log *slog.Logger
	// Markets are what is traded. Required; Markets has some.
	Markets []Market
	// Now is the clock. Defaults to time.Now.
	Now func() time.Time
	// Seed decides ids, keys and every other choice. Defaults to 1.
	Seed uint64
	// State is the name of a file in which the simulator keeps itself, so that one of
	// the same config goes on where another one ended, however it ended: what was
	// answered is in the file. Keep must run. Defaults to none.
	State string
	// Streams say how the websocket streams behave in time.
	Streams Streams
}

// Streams are the limits and intervals of the websocket streams. Each defaults to
// what Luno's own do.
type Streams struct {
	// Beat is after how long without news a market's stream gets an update in which
	// nothing happens. Defaults to 5 minutes.
	Beat time.Duration
	// Credentials is how long the server waits for them. Defaults to 10 seconds.
	Credentials time.Duration
	// Ping is how often it sends a ping. Defaults to 13.5 seconds.
	Ping time.Duration
	// Quiet is after how long without a message it sends an empty one. Defaults to
	// 20 seconds.
	Quiet time.Duration
	// Replay is for how long a user stream's messages are kept for those who come
	// back. Defaults to 5 minutes.
	Replay time.Duration
	// Sessions is how many streams an account may have at once. Defaults to 50.
	Sessions int
}

func (s Streams) withDefaults() Streams {
	for _, d := range []struct {
		to *time.Duration
		is time.Duration
	}{{&s.Beat, 5 * time.Minute}, {&s.Credentials, 10 * time.Second}, {&s.Ping, 13500 * time.Millisecond}, {&s.Quiet, 20 * time.Second}, {&s.Replay, 5 * time.Minute}} {
		if *d.to <= 0 {
			*d.to = d.is
		}
	}
	if s.Sessions <= 0 {
		s.Sessions = 50
	}
	return s
}

// DefaultFees are 0.1 % for takers and nothing for makers.
func DefaultFees() exchange.Fees { return exchange.Fees{Taker: 100_000} }

// Account is somebody who trades.
type Account struct {
	// Name is for the status page and unique.
	Name string
	// Balances are what it begins with, by currency.
	Balances map[string]decimal.Decimal
	// Keys are its API keys.
	Keys []Key
}

// Market is a market with what Luno tells of it besides.
type Market struct {
	exchange.Market
	// Around is the price that random traders begin at where there is no history.
	// Defaults to none, which lets no traders in.
	Around exchange.Ticks
	// History is the one-minute candles before the simulator began, oldest first.
	// Defaults to none.
	History []exchange.Candle
}

func (c Config) withDefaults() Config {
	if c.Seed == 0 {
		c.Seed = 1
	}
	if c.Fees == nil {
		fees := DefaultFees()
		c.Fees = &fees
	}
	if c.Log == nil {
		c.Log = slog.New(slog.DiscardHandler)
	}
	if c.Now == nil {
		c.Now = time.Now
	}
	c.Streams = c.Streams.withDefaults()
	if len(c.Accounts) == 0 {
		c.Accounts = DefaultAccounts(c.Seed, 1)
	}
	return c
}

func (c Config) validate() error {
	var problems []error
	if c.Limit < 0 {
		problems = append(problems, errors.New("the limit of calls is below 0"))
	}
	names, keys := map[string]bool{}, map[string]bool{}
	for _, a := range c.Accounts {
		if a.Name == "" || names[a.Name] || a.Name == houseName || a.Name == strangerName {
			problems = append(problems, fmt.Errorf("the account's name %q is empty or taken", a.Name))
		}
		names[a.Name] = true
		for _, k := range a.Keys {
			if k.ID == "" || k.Secret == "" || keys[k.ID] {
				problems = append(problems, fmt.Errorf("a key of %s has no secret, or its id %q is empty or taken", a.Name, k.ID))
			}
			keys[k.ID] = true
		}
	}
	for _, m := range c.Markets {
		if one := decimal.New(1, m.Tick.Exponent()); !one.Equal(m.Tick) || m.Tick.Exponent() > 0 {
			problems = append(problems, fmt.Errorf("the tick %s of %s is no power of ten up to 1, as Luno's are", m.Tick, m.Pair))
		}
		if one := decimal.New(1, m.Step.Exponent()); !one.Equal(m.Step) || m.Step.Exponent() > 0 {
			problems = append(problems, fmt.Errorf("the step %s of %s is no power of ten up to 1, as Luno's are", m.Step, m.Pair))
		}
		for i, c := range m.History {
			if !c.Valid() || c.Time%minute != 0 || i > 0 && c.Time <= m.History[i-1].Time {
				problems = append(problems, fmt.Errorf("candle %d of %s is none, or does not follow the one before", i, m.Pair))
				break
			}
		}
	}
	if err := errors.Join(problems...); err != nil {
		return fmt.Errorf("lunosim: %w", err)
	}
	return nil
}

// Markets are the markets that a simulator offers: some of those that Luno trades.
// Their steps and bounds are made up where Luno's are not known.
func Markets() []Market {
	one := func(pair, base, counter string, priceScale, volumeScale int32, minVolume, maxVolume, minPrice, maxPrice, around string) Market {
		m := exchange.Market{
			Pair: pair, Base: base, Counter: counter, Status: exchange.MarketActive,
			Tick: decimal.New(1, -priceScale), Step: decimal.New(1, -volumeScale),
		}
		steps := func(text string) exchange.Steps {
			return exchange.Steps(decimal.RequireFromString(text).Shift(volumeScale).IntPart())
		}
		ticks := func(text string) exchange.Ticks {
			return exchange.Ticks(decimal.RequireFromString(text).Shift(priceScale).IntPart())
		}
		m.MinVolume, m.MaxVolume, m.MinPrice, m.MaxPrice = steps(minVolume), steps(maxVolume), ticks(minPrice), ticks(maxPrice)
		return Market{Market: m, Around: ticks(around)}
	}
	return []Market{
		one("XBTMYR", "XBT", "MYR", 0, 6, "0.0001", "100", "1000", "100000000", "400000"),
		one("ETHMYR", "ETH", "MYR", 2, 6, "0.001", "1000", "10", "10000000", "12000"),
		one("XRPMYR", "XRP", "MYR", 4, 0, "1", "1000000", "0.01", "1000", "2.5"),
		one("AAVEMYR", "AAVE", "MYR", 2, 4, "0.01", "10000", "1", "100000", "900"),
		one("ETHXBT", "ETH", "XBT", 6, 4, "0.001", "1000", "0.0001", "1", "0.03"),
		one("XBTZAR", "XBT", "ZAR", 0, 6, "0.0001", "100", "1000", "100000000", "1700000"),
		one("USDCUSDT", "USDC", "USDT", 4, 2, "1", "1000000", "0.1", "10", "1"),
	}
}
