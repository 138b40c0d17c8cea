package exchangetest_test

import (
	"context"
	"errors"
	"slices"
	"sync/atomic"
	"time"

	"github.com/shopspring/decimal"

	"github.com/lunobot/lunobot/exchange"
	"github.com/lunobot/lunobot/exchange/exchangetest"
)

// purses changes the list of balances, each with how many fills there are.
func purses(change func(b *exchange.Balance, fills int)) func(*exchangetest.Bench) {
	return twist(func(w *twisted, real exchange.Trader) {
		w.balances = func(list []exchange.Balance) []exchange.Balance {
			fills, err := real.Fills(context.Background(), "XBTMYR", 0, 1000)
			if err != nil {
				return nil
			}
			for i := range list {
				change(&list[i], len(fills))
			}
			return list
		}
	})
}

func moneyDefects() map[string]breaks {
	unit := decimal.New(1, -6)
	return map[string]breaks{
		"open orders reserve": {
			"nothing":         purses(func(b *exchange.Balance, _ int) { b.Reserved = decimal.Zero }),
			"from the total":  purses(func(b *exchange.Balance, _ int) { b.Total = b.Free() }),
			"a unit too much": purses(func(b *exchange.Balance, _ int) { b.Reserved = b.Reserved.Add(unit) }),
		},
		"a trade moves its value and its fee": {
			"a unit too little": purses(func(b *exchange.Balance, fills int) {
				b.Total = b.Total.Sub(unit.Mul(decimal.NewFromInt(int64(fills))))
			}),
			"without a fee": told(func(o *exchange.Order) { o.Fee = 0 }),
			"another rate": listedFills(func(l []exchange.Fill) []exchange.Fill {
				for i := range l {
					l[i].FeeCounter += 2
				}
				return l
			}),
		},
		"nothing is made and nothing lost": {
			"makes some": purses(func(b *exchange.Balance, fills int) {
				b.Total = b.Total.Add(unit.Mul(decimal.NewFromInt(int64(fills))))
			}),
			"loses some": purses(func(b *exchange.Balance, fills int) {
				b.Total = b.Total.Sub(unit.Mul(decimal.NewFromInt(int64(fills))))
			}),
			"a free loan":  purses(func(b *exchange.Balance, _ int) { b.Reserved = b.Total.Add(unit) }),
			"hides a fill": listedFills(func(l []exchange.Fill) []exchange.Fill { return l[min(1, len(l)):] }),
		},
		"the key may trade and no more": {
			"it may send":        func(b *exchangetest.Bench) { b.KeyChecker = key{exchange.Granted} },
			"nobody looks at it": func(b *exchangetest.Bench) { b.KeyChecker = key{} },
			"it holds nothing": func(b *exchangetest.Bench) {
				b.KeyChecker = counted{b.KeyChecker, func(list []exchange.Balance) []exchange.Balance { return nil }}
			},
			"it holds more": func(b *exchangetest.Bench) {
				b.KeyChecker = counted{b.KeyChecker, func(list []exchange.Balance) []exchange.Balance {
					list[0].Total = list[0].Total.Add(decimal.NewFromInt(1))
					return list
				}}
			},
		},
		"the ledger explains the balances": {
			"the last one again": func(b *exchangetest.Bench) { b.Ledger = ledger{b.Ledger, 1, 0} },
			"without the oldest": func(b *exchangetest.Bench) { b.Ledger = ledger{b.Ledger, -1, 0} },
			"a unit less":        func(b *exchangetest.Bench) { b.Ledger = ledger{b.Ledger, 0, -6} },
		},
	}
}

// key is a check of a key that finds out one thing.
type key struct{ known exchange.Known }

func (k key) CheckKey(context.Context) (exchange.KeyReport, error) {
	return exchange.KeyReport{Rights: []exchange.Right{
		{Name: "trade", Meaning: "trade", Need: exchange.Required, Known: k.known, Reason: "it is so"},
		{Name: "send", Meaning: "move money away", Need: exchange.Forbidden, Known: k.known, Reason: "it is so"},
	}}, nil
}

// counted is a check that tells other balances than there are.
type counted struct {
	exchange.KeyChecker
	tells func([]exchange.Balance) []exchange.Balance
}

func (c counted) CheckKey(ctx context.Context) (exchange.KeyReport, error) {
	report, err := c.KeyChecker.CheckKey(ctx)
	report.Balances = c.tells(report.Balances)
	return report, err
}

// ledger is off by some rows, or by a small amount.
type ledger struct {
	exchange.Ledger
	back  int64
	scale int32
}

func (l ledger) Entries(ctx context.Context, account string, after int64, limit int) ([]exchange.LedgerEntry, error) {
	list, err := l.Ledger.Entries(ctx, account, max(0, after-l.back), limit)
	if n := len(list); l.scale != 0 && n > 1 {
		list[n-1].Delta = list[n-1].Delta.Sub(decimal.New(1, l.scale))
	}
	return list, err
}

func outcomeDefects() map[string]breaks {
	unknown := func(err error) bool { return err != nil && exchange.OutcomeOf(err) == exchange.OutcomeUnknown }
	return map[string]breaks{
		"an order whose answer is lost is found": {
			"a refusal": refuses(),
			"a success": answer(func(_ exchange.Trader, _ exchange.OrderRequest, o exchange.Order, _ error) (exchange.Order, error) {
				return o, nil
			}),
			"sends it again under another id": answer(func(real exchange.Trader, r exchange.OrderRequest, o exchange.Order, err error) (exchange.Order, error) {
				if unknown(err) {
					r.ClientID += "-again"
					_, _ = real.Place(context.Background(), r)
				}
				return o, err
			}),
		},
		"an answer that cannot be read is no answer": {"a refusal": refuses()},
		"an order that is taken late is not given up": {
			"a refusal": refuses(),
			"does not say until when": answer(func(_ exchange.Trader, _ exchange.OrderRequest, o exchange.Order, err error) (exchange.Order, error) {
				if e := (*exchange.Error)(nil); errors.As(err, &e) {
					e.Expires = 0
				}
				return o, err
			}),
			"never comes": func(b *exchangetest.Bench) {
				inject := b.Inject
				b.Inject = func(exchangetest.Capability) { inject(exchangetest.RequestLost) }
			},
		},
		"an order that is lost may be sent again": {
			"a refusal":                       refuses(),
			"sends it again under another id": anew(unknown),
			"is there": func(b *exchangetest.Bench) {
				inject := b.Inject
				b.Inject = func(exchangetest.Capability) { inject(exchangetest.AnswerLost) }
			},
		},
		"too many calls are no refusal": {
			"a refusal": refuses(),
			"does not say so": func(b *exchangetest.Bench) {
				inject := b.Inject
				b.Inject = func(exchangetest.Capability) { inject(exchangetest.RequestLost) }
			},
		},
		"what is filled before a cancel counts": {
			"tells it as cancelled": told(func(o *exchange.Order) {
				if o.Status == exchange.Complete {
					o.Filled, o.Value = 0, 0
				}
			}),
			"hides the fill": listedFills(func([]exchange.Fill) []exchange.Fill { return nil }),
		},
		"fills that come late are not missed": {
			"skips them": twist(func(w *twisted, real exchange.Trader) {
				asked := 0
				w.fills = func(ctx context.Context, pair string, after int64, limit int) ([]exchange.Fill, error) {
					list, err := real.Fills(ctx, pair, after, limit)
					if asked++; asked == 1 {
						list = list[min(1, len(list)):]
					}
					return list, err
				}
			}),
		},
		"a key that is refused says so": {
			"trades on":        func(b *exchangetest.Bench) { b.Inject = func(exchangetest.Capability) {} },
			"an invalid order": refuses(),
		},
		"a question is asked again": {
			"it is not": func(b *exchangetest.Bench) {
				var lost atomic.Bool
				b.Inject = func(exchangetest.Capability) { lost.Store(true) }
				twist(func(w *twisted, _ exchange.Trader) {
					w.balances = func(list []exchange.Balance) []exchange.Balance {
						if lost.Load() {
							return nil
						}
						return list
					}
				})(b)
			},
		},
		"a cancel whose answer is lost is looked up": {
			"a success": twist(func(w *twisted, real exchange.Trader) {
				w.cancel = func(ctx context.Context, pair, id string) error { _ = real.Cancel(ctx, pair, id); return nil }
			}),
			"a refusal": twist(func(w *twisted, real exchange.Trader) {
				w.cancel = func(ctx context.Context, pair, id string) error {
					if err := real.Cancel(ctx, pair, id); err != nil {
						return exchange.Rejected(exchange.CodeNotOpen, "a refusal")
					}
					return nil
				}
			}),
		},
	}
}

// quotes changes the answers about the present.
type quotes struct {
	exchange.Quotes
	book   func(*exchange.OrderBook)
	tape   func([]exchange.Trade) []exchange.Trade
	ticker func(*exchange.Ticker)
}

func (q quotes) OrderBook(ctx context.Context, pair string, depth int) (exchange.OrderBook, error) {
	b, err := q.Quotes.OrderBook(ctx, pair, depth)
	if q.book != nil {
		q.book(&b)
	}
	return b, err
}

func (q quotes) Trades(ctx context.Context, pair string, after int64, limit int) ([]exchange.Trade, error) {
	list, err := q.Quotes.Trades(ctx, pair, after, limit)
	if q.tape != nil {
		list = q.tape(list)
	}
	return list, err
}

func (q quotes) Ticker(ctx context.Context, pair string) (exchange.Ticker, error) {
	k, err := q.Quotes.Ticker(ctx, pair)
	if q.ticker != nil {
		q.ticker(&k)
	}
	return k, err
}

// forming tells of a candle that is not closed.
type forming struct{ exchange.MarketData }

func (f forming) Candles(_ context.Context, _ string, _ time.Duration, since time.Time, _ int) ([]exchange.Candle, error) {
	return []exchange.Candle{exchange.Flat(since.UnixMilli(), 400_000)}, nil
}

// limitless tells of more candles than were asked for.
type limitless struct{ exchange.MarketData }

func (l limitless) Candles(ctx context.Context, pair string, interval time.Duration, since time.Time, _ int) ([]exchange.Candle, error) {
	list, err := l.MarketData.Candles(ctx, pair, interval, since, 1000)
	if n := len(list); n > 0 {
		next := exchange.Flat(list[n-1].Time+interval.Milliseconds(), list[n-1].Close)
		list = append(list, next)
	}
	return list, err
}

// streamer changes what a stream tells, event by event; an event may come more
// often than once, or not at all.
type streamer struct {
	exchange.Streamer
	change func(e exchange.StreamEvent, sink func(exchange.StreamEvent))
}

func (s streamer) Stream(ctx context.Context, pair string, sink func(exchange.StreamEvent)) error {
	return s.Streamer.Stream(ctx, pair, func(e exchange.StreamEvent) { s.change(e, sink) })
}

func hears(change func(e exchange.StreamEvent, sink func(exchange.StreamEvent))) func(*exchangetest.Bench) {
	return func(b *exchangetest.Bench) { b.Streamer = streamer{b.Streamer, change} }
}

// ticks changes the first two trades that a stream tells after a fault.
func ticks(change func([]exchange.StreamEvent) []exchange.StreamEvent) func(*exchangetest.Bench) {
	return func(b *exchangetest.Bench) {
		var hurt atomic.Bool
		b.Inject = func(exchangetest.Capability) { hurt.Store(true) }
		var held []exchange.StreamEvent
		hears(func(e exchange.StreamEvent, sink func(exchange.StreamEvent)) {
			if e.Tick == nil || !hurt.Load() {
				sink(e)
				return
			}
			if held = append(held, e); len(held) == 2 {
				for _, e := range change(held) {
					sink(e)
				}
				held = nil
			}
		})(b)
	}
}

// accountStreamer does the same for an account.
type accountStreamer struct {
	exchange.AccountStreamer
	change func(e exchange.AccountEvent, sink func(exchange.AccountEvent))
}

func (s accountStreamer) StreamAccount(ctx context.Context, sink func(exchange.AccountEvent)) error {
	return s.AccountStreamer.StreamAccount(ctx, func(e exchange.AccountEvent) { s.change(e, sink) })
}

func hearsAccount(change func(e exchange.AccountEvent, sink func(exchange.AccountEvent))) func(*exchangetest.Bench) {
	return func(b *exchangetest.Bench) { b.AccountStreamer = accountStreamer{b.AccountStreamer, change} }
}

func publicDefects() map[string]breaks {
	return map[string]breaks{
		"the book is told by price": {
			"order by order": func(b *exchangetest.Bench) {
				b.Quotes = quotes{Quotes: b.Quotes, book: func(k *exchange.OrderBook) {
					for i := range k.Bids {
						k.Bids[i].Volume = min(k.Bids[i].Volume, 1000)
					}
				}}
			},
			"sides mixed up": func(b *exchangetest.Bench) {
				b.Quotes = quotes{Quotes: b.Quotes, ticker: func(k *exchange.Ticker) { k.Bid, k.Ask = k.Ask, k.Bid }}
			},
		},
		"the tape tells each trade once": {
			"the maker's side": func(b *exchangetest.Bench) {
				b.Quotes = quotes{Quotes: b.Quotes, tape: func(l []exchange.Trade) []exchange.Trade {
					for i := range l {
						l[i].Taker = l[i].Taker.Opposite()
					}
					return l
				}}
			},
			"twice": func(b *exchangetest.Bench) {
				b.Quotes = quotes{Quotes: b.Quotes, tape: func(l []exchange.Trade) []exchange.Trade { return append(l, l...) }}
			},
			"an old last price": func(b *exchangetest.Bench) {
				b.Quotes = quotes{Quotes: b.Quotes, ticker: func(k *exchange.Ticker) { k.Last-- }}
			},
		},
		"a candle that is forming is not told": {
			"tells it":        func(b *exchangetest.Bench) { b.Data = forming{b.Data} },
			"more than asked": func(b *exchangetest.Bench) { b.Data = limitless{b.Data} },
		},
		"the stream tells each trade once": {
			"twice": hears(func(e exchange.StreamEvent, sink func(exchange.StreamEvent)) {
				sink(e)
				if e.Tick != nil {
					sink(e)
				}
			}),
			"no top": hears(func(e exchange.StreamEvent, sink func(exchange.StreamEvent)) {
				if e.Top == nil {
					sink(e)
				}
			}),
			"a forming candle": func(b *exchangetest.Bench) {
				b.Streamer = streamer{b.Streamer, func(e exchange.StreamEvent, sink func(exchange.StreamEvent)) {
					sink(e)
					sink(exchange.StreamEvent{Candle: &exchange.Candle{Time: b.Now().Truncate(time.Minute).UnixMilli()}})
				}}
			},
		},
		"a stream that breaks loses no trade": {
			"loses the first": func(b *exchangetest.Bench) { b.Streamer = lossy{b.Streamer, false} },
			"tells all again": func(b *exchangetest.Bench) { b.Streamer = &lossy{b.Streamer, true} },
		},
		"a message that is lost loses no trade":        {"loses it": ticks(func(t []exchange.StreamEvent) []exchange.StreamEvent { return t[1:] })},
		"a message that comes twice doubles no trade":  {"doubles it": ticks(func(t []exchange.StreamEvent) []exchange.StreamEvent { return append(t[:1], t...) })},
		"messages that are swapped swap no trades":     {"swaps them": ticks(func(t []exchange.StreamEvent) []exchange.StreamEvent { slices.Reverse(t); return t })},
		"a message that cannot be read loses no trade": {"loses it": ticks(func(t []exchange.StreamEvent) []exchange.StreamEvent { return t[1:] })},
		"the account's stream tells totals": {
			"increments": hearsAccount(func(e exchange.AccountEvent, sink func(exchange.AccountEvent)) {
				if e.Order != nil && e.Order.Executed {
					e.Order.Filled = min(e.Order.Filled, 1000)
				}
				sink(e)
			}),
			"no fee": hearsAccount(func(e exchange.AccountEvent, sink func(exchange.AccountEvent)) {
				if e.Order != nil {
					e.Order.Fee = 0
				}
				sink(e)
			}),
			"no balance": hearsAccount(func(e exchange.AccountEvent, sink func(exchange.AccountEvent)) {
				if e.Balance == nil {
					sink(e)
				}
			}),
		},
		"the account's stream comes back": {
			"stays away": func(b *exchangetest.Bench) { b.AccountStreamer = &shy{AccountStreamer: b.AccountStreamer} },
		},
	}
}

// lossy forgets at each connection what it told before the last one: it loses the
// first trade that it hears, or tells the first one twice.
type lossy struct {
	exchange.Streamer
	twice bool
}

func (l lossy) Stream(ctx context.Context, pair string, sink func(exchange.StreamEvent)) error {
	fresh := true
	return l.Streamer.Stream(ctx, pair, func(e exchange.StreamEvent) {
		if e.Tick != nil && fresh {
			fresh = false
			if !l.twice {
				return
			}
			sink(e)
		}
		sink(e)
	})
}

// shy connects once.
type shy struct {
	exchange.AccountStreamer
	gone bool
}

func (s *shy) StreamAccount(ctx context.Context, sink func(exchange.AccountEvent)) error {
	if s.gone {
		<-ctx.Done()
		return ctx.Err()
	}
	s.gone = true
	return s.AccountStreamer.StreamAccount(ctx, sink)
}
