package exchangetest_test

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/shopspring/decimal"

	"github.com/lunobot/lunobot/exchange"
	"github.com/lunobot/lunobot/exchange/exchangetest"
)

// recorder runs a card without failing the test: it notes what the card finds.
type recorder struct {
	testing.TB

	mu    sync.Mutex
	found []string
}

func (r *recorder) note(text string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.found = append(r.found, text)
}

func (r *recorder) Error(args ...any)            { r.note(fmt.Sprint(args...)) }
func (r *recorder) Errorf(f string, args ...any) { r.note(fmt.Sprintf(f, args...)) }
func (r *recorder) Fatal(args ...any)            { r.Error(args...); runtime.Goexit() }
func (r *recorder) Fatalf(f string, args ...any) { r.Errorf(f, args...); runtime.Goexit() }

// TestEachCardCanFail breaks each card's promise, on a venue that keeps all others,
// and expects the card to notice. A card without a broken venue fails the test.
func TestEachCardCanFail(t *testing.T) {
	t.Parallel()
	all, cards := defects(), exchangetest.Cards()
	for name := range all {
		if !slices.ContainsFunc(cards, func(c exchangetest.Card) bool { return c.Name == name }) {
			t.Errorf("there is no card %q to break", name)
		}
	}
	for _, c := range cards {
		if len(all[c.Name]) == 0 {
			t.Errorf("no venue breaks the promise of the card %q", c.Name)
		}
		for what, breaks := range all[c.Name] {
			t.Run(c.Name+"/"+what, func(t *testing.T) {
				t.Parallel()
				b := openRemote(t)
				b.Patience = 300 * time.Millisecond
				breaks(b)
				r, done := &recorder{TB: t}, make(chan struct{})
				go func() {
					defer close(done)
					c.Run(r, b)
				}()
				<-done
				if len(r.found) == 0 {
					t.Error("the card does not notice")
				}
				t.Log(strings.Join(r.found, "\n"))
			})
		}
	}
}

// twisted is an account that breaks promises: what is set is called in place of the
// account's own call.
type twisted struct {
	exchange.Trader
	place    func(context.Context, exchange.OrderRequest) (exchange.Order, error)
	cancel   func(ctx context.Context, pair, id string) error
	order    func(exchange.Order, error) (exchange.Order, error)
	open     func([]exchange.Order) []exchange.Order
	fills    func(ctx context.Context, pair string, after int64, limit int) ([]exchange.Fill, error)
	balances func([]exchange.Balance) []exchange.Balance
}

func (w *twisted) Place(ctx context.Context, r exchange.OrderRequest) (exchange.Order, error) {
	if w.place != nil {
		return w.place(ctx, r)
	}
	return w.Trader.Place(ctx, r)
}

func (w *twisted) Cancel(ctx context.Context, pair, id string) error {
	if w.cancel != nil {
		return w.cancel(ctx, pair, id)
	}
	return w.Trader.Cancel(ctx, pair, id)
}

func (w *twisted) Order(ctx context.Context, pair, id string) (exchange.Order, error) {
	o, err := w.Trader.Order(ctx, pair, id)
	if w.order != nil {
		return w.order(o, err)
	}
	return o, err
}

func (w *twisted) OpenOrders(ctx context.Context, pair string) ([]exchange.Order, error) {
	list, err := w.Trader.OpenOrders(ctx, pair)
	if w.open != nil {
		list = w.open(list)
	}
	return list, err
}

func (w *twisted) Fills(ctx context.Context, pair string, after int64, limit int) ([]exchange.Fill, error) {
	if w.fills != nil {
		return w.fills(ctx, pair, after, limit)
	}
	return w.Trader.Fills(ctx, pair, after, limit)
}

func (w *twisted) Balances(ctx context.Context) ([]exchange.Balance, error) {
	list, err := w.Trader.Balances(ctx)
	if w.balances != nil {
		list = w.balances(list)
	}
	return list, err
}

// twist replaces Ann by one that breaks promises.
func twist(with func(w *twisted, real exchange.Trader)) func(*exchangetest.Bench) {
	return func(b *exchangetest.Bench) {
		w := &twisted{Trader: b.Ann}
		with(w, b.Ann)
		b.Ann = w
	}
}

// request changes every request before it is placed.
func request(change func(*exchange.OrderRequest)) func(*exchangetest.Bench) {
	return twist(func(w *twisted, real exchange.Trader) {
		w.place = func(ctx context.Context, r exchange.OrderRequest) (exchange.Order, error) {
			change(&r)
			return real.Place(ctx, r)
		}
	})
}

// answer changes what is told of a request that was placed.
func answer(change func(real exchange.Trader, r exchange.OrderRequest, o exchange.Order, err error) (exchange.Order, error)) func(*exchangetest.Bench) {
	return twist(func(w *twisted, real exchange.Trader) {
		w.place = func(ctx context.Context, r exchange.OrderRequest) (exchange.Order, error) {
			o, err := real.Place(ctx, r)
			return change(real, r, o, err)
		}
	})
}

// told changes what look-ups by client id tell.
func told(change func(*exchange.Order)) func(*exchangetest.Bench) {
	return twist(func(w *twisted, _ exchange.Trader) {
		w.order = func(o exchange.Order, err error) (exchange.Order, error) {
			change(&o)
			return o, err
		}
	})
}

// listedFills changes the lists of fills.
func listedFills(change func([]exchange.Fill) []exchange.Fill) func(*exchangetest.Bench) {
	return twist(func(w *twisted, real exchange.Trader) {
		w.fills = func(ctx context.Context, pair string, after int64, limit int) ([]exchange.Fill, error) {
			list, err := real.Fills(ctx, pair, after, limit)
			return change(list), err
		}
	})
}

// anew sends an order that is refused as a repeat again, under another client id.
func anew(when func(error) bool) func(*exchangetest.Bench) {
	return answer(func(real exchange.Trader, r exchange.OrderRequest, o exchange.Order, err error) (exchange.Order, error) {
		if err == nil || !when(err) {
			return o, err
		}
		r.ClientID += "-again"
		return real.Place(context.Background(), r)
	})
}

func duplicate(err error) bool { return exchange.KindOf(err) == exchange.KindDuplicate }

func refusedFor(err error) (exchange.Order, error) {
	return exchange.Order{}, &exchange.Error{Outcome: exchange.OutcomeRejected, Code: "ErrInvalidArguments", Message: "a refusal", Err: err}
}

// refuses tells every error as a refusal.
func refuses() func(*exchangetest.Bench) {
	return answer(func(_ exchange.Trader, _ exchange.OrderRequest, o exchange.Order, err error) (exchange.Order, error) {
		if err != nil {
			return refusedFor(err)
		}
		return o, nil
	})
}

type breaks = map[string]func(*exchangetest.Bench)

// defects lists the broken venues of each card.
func defects() map[string]breaks {
	all := tradingDefects()
	for name, more := range moneyDefects() {
		all[name] = more
	}
	for name, more := range outcomeDefects() {
		all[name] = more
	}
	for name, more := range publicDefects() {
		all[name] = more
	}
	return all
}

func tradingDefects() map[string]breaks {
	return map[string]breaks{
		"an order rests": {
			"rounds volumes": request(func(r *exchange.OrderRequest) { r.Volume -= r.Volume % 10 }),
			"rounds prices":  told(func(o *exchange.Order) { o.Request.Price -= o.Request.Price % 10 }),
			"mixes sides up": told(func(o *exchange.Order) { o.Request.Side = exchange.Buy }),
		},
		"open orders are listed": {
			"newest first": twist(func(w *twisted, _ exchange.Trader) {
				w.open = func(l []exchange.Order) []exchange.Order { slices.Reverse(l); return l }
			}),
			"one of them all": twist(func(w *twisted, _ exchange.Trader) {
				w.open = func(l []exchange.Order) []exchange.Order { return l[:min(1, len(l))] }
			}),
		},
		"what is unknown is not found": {
			"an empty order": twist(func(w *twisted, _ exchange.Trader) {
				w.order = func(o exchange.Order, _ error) (exchange.Order, error) { return o, nil }
			}),
			"nothing definitive": twist(func(w *twisted, _ exchange.Trader) {
				w.order = func(o exchange.Order, err error) (exchange.Order, error) {
					if err != nil {
						err = errors.New("not found")
					}
					return o, err
				}
			}),
		},
		"orders of others are not ours": {
			"one account for all": func(b *exchangetest.Bench) { b.Ann = b.Bob },
		},
		"an unknown market is refused": {
			"takes another market": request(func(r *exchange.OrderRequest) { r.Pair = "XBTMYR" }),
		},
		"a request that is over is not sent": {
			"does not look": twist(func(w *twisted, real exchange.Trader) {
				w.place = func(ctx context.Context, r exchange.OrderRequest) (exchange.Order, error) {
					return real.Place(context.WithoutCancel(ctx), r)
				}
			}),
		},
		"a late request is refused": {
			"does not look": request(func(r *exchange.OrderRequest) { r.TTL = 0 }),
		},
		"a repeat under the same id is the same order": {
			"a second order": anew(duplicate),
			"no order told": answer(func(_ exchange.Trader, _ exchange.OrderRequest, o exchange.Order, err error) (exchange.Order, error) {
				if err != nil {
					o = exchange.Order{}
				}
				return o, err
			}),
			"a success": answer(func(_ exchange.Trader, _ exchange.OrderRequest, o exchange.Order, _ error) (exchange.Order, error) {
				return o, nil
			}),
		},
		"a client id is taken for ever": {
			"a second order": anew(duplicate),
		},
		"another order under the same id is refused": {
			"takes it for the same": answer(func(real exchange.Trader, r exchange.OrderRequest, o exchange.Order, err error) (exchange.Order, error) {
				if duplicate(err) {
					err = &exchange.Error{Outcome: exchange.OutcomeAccepted, Code: exchange.CodeDuplicate}
				}
				return o, err
			}),
		},
		"one of many repeats is placed": {
			"each is one": anew(duplicate),
			"each is told so": answer(func(_ exchange.Trader, _ exchange.OrderRequest, o exchange.Order, _ error) (exchange.Order, error) {
				return o, nil
			}),
		},
		"the market has rules": {
			"another tick": func(b *exchangetest.Bench) {
				b.Data = lists{b.Data, func(m *exchange.Market) { m.Tick = m.Tick.Mul(decimal.New(2, 0)) }}
			},
			"another pair": func(b *exchangetest.Bench) { b.Data = lists{b.Data, func(m *exchange.Market) { m.Pair = "XBTZAR" }} },
		},
		"bounds are kept": {
			"lifts volumes": request(func(r *exchange.OrderRequest) { r.Volume = max(r.Volume, 1000) }),
			"cuts prices":   request(func(r *exchange.OrderRequest) { r.Price = min(r.Price, 100_000_000) }),
			"refuses bounds": twist(func(w *twisted, real exchange.Trader) {
				w.place = func(ctx context.Context, r exchange.OrderRequest) (exchange.Order, error) {
					if r.Price == 100_000_000 {
						return refusedFor(nil)
					}
					return real.Place(ctx, r)
				}
			}),
		},
		"nonsense is refused": {
			"buys without a side": request(func(r *exchange.OrderRequest) { r.Side = max(r.Side, exchange.Buy) }),
			"turns signs":         request(func(r *exchange.OrderRequest) { r.Volume = max(r.Volume, -r.Volume) }),
		},
		"nobody spends more than is free": {
			"places a part": answer(func(real exchange.Trader, r exchange.OrderRequest, o exchange.Order, err error) (exchange.Order, error) {
				if err == nil {
					return o, nil
				}
				r.Volume /= 2
				return real.Place(context.Background(), r)
			}),
		},
		"the market's state is kept": {
			"trades on": func(b *exchangetest.Bench) { b.SetStatus = func(exchange.MarketStatus) {} },
		},
		"a post-only order takes nothing": {
			"takes": request(func(r *exchange.OrderRequest) { r.PostOnly = false }),
		},
		"what an IOC order cannot fill is cancelled": {
			"rests": request(func(r *exchange.OrderRequest) { r.TimeInForce = exchange.GTC }),
		},
		"a FOK order is filled whole or not at all": {
			"fills a part": request(func(r *exchange.OrderRequest) { r.TimeInForce = exchange.IOC }),
		},
		"a market sale takes the best bids": {
			"sells half": request(func(r *exchange.OrderRequest) { r.Volume /= 2 }),
		},
		"a market buy spends its value at most": {
			"spends more": request(func(r *exchange.OrderRequest) { r.Value += r.Value / 100 }),
			"spends less": request(func(r *exchange.OrderRequest) { r.Value -= r.Value / 100 }),
		},
		"a stop order waits for its price": {
			"does not wait": request(func(r *exchange.OrderRequest) { r.Stop = exchange.Stop{} }),
			"waits too long": request(func(r *exchange.OrderRequest) {
				if r.Stop.Price > 0 {
					r.Stop.Price++
				}
			}),
			"waits for the other side": request(func(r *exchange.OrderRequest) {
				if r.Stop.Direction == exchange.StopAbove {
					r.Stop.Direction = exchange.StopBelow
				}
			}),
			"takes it as a limit":  told(func(o *exchange.Order) { o.Request.Stop = exchange.Stop{} }),
			"takes any direction":  request(func(r *exchange.OrderRequest) { r.Stop.Direction = max(r.Stop.Direction, exchange.StopRelative) }),
			"reserves for nothing": purses(func(b *exchange.Balance, _ int) { b.Reserved = decimal.Zero }),
		},
		"a cancel takes the rest back": {
			"does nothing": twist(func(w *twisted, _ exchange.Trader) {
				w.cancel = func(context.Context, string, string) error { return nil }
			}),
			"never refuses": twist(func(w *twisted, real exchange.Trader) {
				w.cancel = func(ctx context.Context, pair, id string) error { _ = real.Cancel(ctx, pair, id); return nil }
			}),
			"tells it as filled": told(func(o *exchange.Order) {
				if o.Status == exchange.Complete {
					o.Filled = o.Request.Volume
				}
			}),
		},
		"what is filled is not cancelled": {
			"never refuses": twist(func(w *twisted, real exchange.Trader) {
				w.cancel = func(ctx context.Context, pair, id string) error { _ = real.Cancel(ctx, pair, id); return nil }
			}),
		},
		"a cancel is not a cancellation": {
			"tells it as filled": told(func(o *exchange.Order) {
				if o.Status == exchange.Complete {
					o.Filled = o.Request.Volume
				}
			}),
		},
		"partial fills add up": {
			"twice": listedFills(func(l []exchange.Fill) []exchange.Fill { return slices.Concat(l, l[:min(1, len(l))]) }),
			"the taker's side": listedFills(func(l []exchange.Fill) []exchange.Fill {
				for i := range l {
					l[i].Side = l[i].Side.Opposite()
				}
				return l
			}),
			"drops a unit": listedFills(func(l []exchange.Fill) []exchange.Fill {
				for i := range l {
					l[i].Value--
				}
				return l
			}),
			"without the fee": told(func(o *exchange.Order) { o.Fee = 0 }),
		},
		"a limit is not overrun": {
			"overruns": request(func(r *exchange.OrderRequest) { r.Price++ }),
		},
		"fills come in pages": {
			"the last one again": twist(func(w *twisted, real exchange.Trader) {
				w.fills = func(ctx context.Context, pair string, after int64, limit int) ([]exchange.Fill, error) {
					return real.Fills(ctx, pair, max(0, after-1), limit)
				}
			}),
			"newest first": listedFills(func(l []exchange.Fill) []exchange.Fill { slices.Reverse(l); return l }),
		},
	}
}

// lists changes the list of markets.
type lists struct {
	exchange.MarketData
	change func(*exchange.Market)
}

func (l lists) Markets(ctx context.Context) ([]exchange.Market, error) {
	list, err := l.MarketData.Markets(ctx)
	for i := range list {
		l.change(&list[i])
	}
	return list, err
}
