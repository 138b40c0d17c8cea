package saas

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"sync"
	"time"

	"github.com/google/uuid"

	"github.com/lunobot/lunobot/exchange"
	"github.com/lunobot/lunobot/exchange/marketdata"
	"github.com/lunobot/lunobot/saas/account"
	"github.com/lunobot/lunobot/saas/bot"
	"github.com/lunobot/lunobot/saas/errs"
	"github.com/lunobot/lunobot/saas/saasdb"
	"github.com/lunobot/lunobot/saas/web"
)

const (
	// pagePatience is how long somebody who looks at a page waits for it.
	pagePatience = 8 * time.Second
	// startPatience is how long a start waits for the venue.
	startPatience = 10 * time.Second
	// listEvery is how often the venue's markets are read anew.
	listEvery = 10 * time.Minute
	// answerAge is how old a venue's answers may be at the most.
	answerAge = 3 * time.Second
	// recheck is after how long a venue is asked again for candles that it did not have.
	recheck = 5 * time.Second
	// listSetting is the name under which they are kept, before that of the venue.
	listSetting = "market_list:"
)

// LiveMarket is a venue at whose live prices bots trade.
type LiveMarket struct {
	// Data returns the venue's public side, for one kind of caller: "bots", "pages",
	// "backtests", "replays". Each has its place in the queue of calls, of which
	// there is one; that of bots is before the others. Required.
	Data func(caller string) exchange.MarketData
	// Key says where the key is set that the venue is asked with, for the message
	// when the venue refuses it. Defaults to "the venue's key".
	Key string
	// Name tells the venue from others, whose prices are other ones: an installation
	// whose bots have run at one does not start with another. Letters, digits and
	// hyphens; required.
	Name string
	// Now is the venue's clock. Defaults to that of the App.
	Now func() time.Time
	// Notice is what pages say beside prices, such as "Luno, live prices". Required.
	Notice string
	// Pairs are those that are offered. Defaults to all that are active.
	Pairs []string
	// Share is given the budget of calls that all processes of the installation have
	// together, before the venue is asked for anything. Defaults to none: each process
	// counts its own calls.
	Share func(exchange.Budget)
	// Simulated says that the prices are made up, and begin anew with the venue.
	Simulated bool
	// Stream delivers what happens. Required.
	Stream exchange.Streamer
	// Tickers returns the tickers of pairs in one call. Defaults to none: pages show the
	// close of the newest candle as the price.
	Tickers func(ctx context.Context, pairs ...string) ([]exchange.Ticker, error)
	// Title is what the venue is called in sentences, such as "Luno". Required.
	Title string
	// Venue is its name in Config.Venues, whose accounts live bots trade on. Defaults
	// to "": bots stay on paper.
	Venue string
	// Wallets returns the ids of the accounts that the venue is asked with the key of,
	// so that their calls are counted with those of the bots that trade there. An error
	// means that they are not known. Defaults to none.
	Wallets func(ctx context.Context) ([]string, error)
}

func (l *LiveMarket) validate() error {
	if l == nil {
		return nil
	}
	if l.Data == nil || l.Stream == nil || l.Name == "" || l.Name == demoName || l.Notice == "" || l.Title == "" {
		return errors.New("saas: Config.Live needs Data, Name, Notice, Stream and Title")
	}
	return nil
}

// venue is the exchange that live bots trade at; "" if there is none.
func (l *LiveMarket) venue() string {
	if l == nil {
		return ""
	}
	return l.Venue
}

// title is what that exchange is called in sentences; "" if there is none.
func (l *LiveMarket) title() string {
	if l.venue() == "" {
		return ""
	}
	return l.Title
}

// liveMarket is a venue's market as this process knows it.
type liveMarket struct {
	cfg   LiveMarket
	store *saasdb.Store
	log   *slog.Logger
	cache *marketdata.Cache
	// budget is what Share was given; nil if nobody wants it.
	budget *account.OperatorBudget
	recorded
	feed *marketdata.Feed

	last lastPrices

	mu sync.Mutex
	// list are the pairs that were active at some time, with their rules; those of
	// changed are counted in another tick or step than the venue's present one.
	list    []exchange.Market
	changed map[string]bool
	// heard is true once the venue has told its markets and taken the key, since this
	// process began; before, fault says why not.
	heard bool
	fault error
}

// openLive asks the venue for its markets. Where it does not answer, those that were
// known last are used, and it is asked again later; a key that it refuses is an
// Invalid error, CodeKeyRefused.
func openLive(ctx context.Context, cfg LiveMarket, store *saasdb.Store, app Config) (*liveMarket, error) {
	if cfg.Now == nil {
		cfg.Now = app.Now
	}
	m := &liveMarket{cfg: cfg, store: store, log: app.Log, changed: map[string]bool{}}
	var err error
	if cfg.Share != nil {
		m.budget, err = account.NewOperatorBudget(account.OperatorBudgetConfig{
			Holder: uuid.Must(uuid.NewV7()).String(), Log: app.Log, Market: cfg.Name, Now: app.Now, Store: store, Venue: cfg.Venue,
		})
		if err != nil {
			return nil, err
		}
		cfg.Share(m.budget)
	}
	if m.cache, err = marketdata.NewCache(marketdata.CacheConfig{History: cfg.Data("bots"), Now: cfg.Now, Recheck: recheck, Settle: answerAge}); err != nil {
		return nil, err
	}
	if m.recorded, err = openRecorded(cfg, app); err != nil {
		return nil, err
	}
	known, ok, err := store.Setting(ctx, listSetting+cfg.Name)
	if err == nil && ok {
		err = json.Unmarshal([]byte(known), &m.list)
	}
	if err != nil {
		return nil, fmt.Errorf("reading the markets that were known last: %w", err)
	}
	patient, cancel := context.WithTimeout(ctx, startPatience)
	defer cancel()
	switch err := m.hear(patient); {
	case ctx.Err() != nil:
		return nil, ctx.Err()
	case err != nil && errs.KindOf(err) == errs.Invalid:
		return nil, err
	case err != nil:
		m.log.WarnContext(ctx, "the market cannot be reached; it is tried again", "market", cfg.Title, "known_pairs", len(m.list), "error", err)
	}
	return m, nil
}

// ready implements market: it tells of a venue that was not reached since the start.
// One that is lost later makes bots wait, which their pages say.
func (m *liveMarket) ready() error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.heard {
		return nil
	}
	return errs.New(errs.Unavailable, "market_unavailable", "%s was not reached since the start, and is tried again: %v", m.cfg.Title, m.fault)
}

// Now implements market.
func (m *liveMarket) Now() time.Time { return m.cfg.Now().UTC() }

// Markets implements exchange.MarketData: those that were active at some time, with
// their present state.
func (m *liveMarket) Markets(context.Context) ([]exchange.Market, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	return slices.Clone(m.list), nil
}

func (m *liveMarket) follow(f *marketdata.Feed) { m.feed = f }

// Candles implements exchange.MarketData, for those who look at a page: a venue that
// does not answer soon is an Unavailable error.
func (m *liveMarket) Candles(ctx context.Context, pair string, interval time.Duration, since time.Time, limit int) ([]exchange.Candle, error) {
	patient, cancel := context.WithTimeout(ctx, pagePatience)
	defer cancel()
	list, err := m.candles(patient, m.cache.Through(m.cfg.Data("pages")), pair, interval, since, limit)
	if n := len(list); err == nil && n > 0 && n < limit && interval == marketdata.FeedInterval {
		// The stream has told of it already, and who looks at both shall miss none.
		if s, watched := m.feed.Snapshot(pair); watched && s.Closed.Time == list[n-1].Time+interval.Milliseconds() {
			list = append(list, s.Closed)
		}
	}
	if err != nil && ctx.Err() == nil {
		return nil, errs.New(errs.Unavailable, "market_unavailable", "The candles of %s cannot be had from %s at present; try again.", pair, m.cfg.Title).Wrap(err)
	}
	return list, err
}

// candles reads those of a pair that is counted as the venue counts.
func (m *liveMarket) candles(ctx context.Context, from exchange.MarketData, pair string, interval time.Duration, since time.Time, limit int) ([]exchange.Candle, error) {
	if _, err := m.Market(pair); err != nil {
		return nil, err
	}
	return from.Candles(ctx, pair, interval, since, limit)
}

// Market implements bot.Markets. What a market takes at present is the matter of
// those who place orders there: bots on paper trade on while it rests.
func (m *liveMarket) Market(pair string) (exchange.Market, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	i := slices.IndexFunc(m.list, func(x exchange.Market) bool { return x.Pair == pair })
	switch {
	case i < 0 && len(m.list) == 0:
		return exchange.Market{}, fmt.Errorf("the markets of %s are not known yet", m.cfg.Title)
	case i < 0:
		return exchange.Market{}, fmt.Errorf("%s has no market %q", m.cfg.Title, pair)
	case m.changed[pair]:
		return exchange.Market{}, exchange.Unsent("ErrMarketUnavailable",
			"%s has changed the tick or the step of %s, and its bots have counted in %s and %s: delete them and start the server anew", m.cfg.Title, pair, m.list[i].Tick, m.list[i].Step)
	}
	one := m.list[i]
	one.Status = exchange.MarketActive
	return one, nil
}

// Pairs implements bot.Markets: those that are active.
func (m *liveMarket) Pairs() []string {
	m.mu.Lock()
	defer m.mu.Unlock()
	var pairs []string
	for _, x := range m.list {
		if x.Status == exchange.MarketActive && !m.changed[x.Pair] && m.offered(x.Pair) {
			pairs = append(pairs, x.Pair)
		}
	}
	return pairs
}

// Stream implements exchange.Streamer.
func (m *liveMarket) Stream(ctx context.Context, pair string, sink func(exchange.StreamEvent)) error {
	if _, err := m.Market(pair); err != nil {
		return err
	}
	return m.cfg.Stream.Stream(ctx, pair, sink)
}

func (m *liveMarket) traded() bot.Markets       { return m }
func (m *liveMarket) stream() exchange.Streamer { return m }
func (m *liveMarket) bots() exchange.MarketData { return reading{m, m.cache} }
func (m *liveMarket) replays() exchange.MarketData {
	return unhurried{reading{m, m.cfg.Data("replays")}, m.cfg.Now}
}

func (m *liveMarket) said() saying {
	kind := web.MarketLive
	if m.cfg.Simulated {
		kind = web.MarketSimulated
	}
	return saying{label: m.cfg.Notice, notice: m.cfg.Notice, kind: kind}
}

// reading is a live market's history by one of the ways to it.
type reading struct {
	*liveMarket
	from exchange.MarketData
}

// Candles implements exchange.MarketData.
func (r reading) Candles(ctx context.Context, pair string, interval time.Duration, since time.Time, limit int) ([]exchange.Candle, error) {
	return r.candles(ctx, r.from, pair, interval, since, limit)
}

// unhurried is a history for those who hold against it what was seen: it waits until the
// venue's answer about a candle that has just closed is no older than the candle. What
// was traded once, the venue does not tell any more.
type unhurried struct {
	exchange.MarketData
	now func() time.Time
}

// Candles implements exchange.MarketData.
func (u unhurried) Candles(ctx context.Context, pair string, interval time.Duration, since time.Time, limit int) ([]exchange.Candle, error) {
	if wait := since.Add(interval + answerAge).Sub(u.now()); wait > 0 && wait <= answerAge {
		timer := time.NewTimer(wait)
		defer timer.Stop()
		select {
		case <-timer.C:
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
	return u.MarketData.Candles(ctx, pair, interval, since, limit)
}

// TradesBetween implements exchange.TradeHistory.
func (unhurried) TradesBetween(context.Context, string, time.Time, time.Time) ([]exchange.Trade, error) {
	return nil, exchange.ErrTradesNotKept
}
