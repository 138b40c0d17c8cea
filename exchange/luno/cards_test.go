package luno_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/lunobot/lunobot/exchange"
	"github.com/lunobot/lunobot/exchange/exchangetest"
	"github.com/lunobot/lunobot/exchange/luno"
	"github.com/lunobot/lunobot/exchange/luno/lunostream"
	"github.com/lunobot/lunobot/exchange/lunosim"
)

// TestSimulatorCards runs the cards of venues over the client and the streams,
// against the simulated Luno. // proves T2, T4, T5, T7, T8, T9, M1, M4
func TestSimulatorCards(t *testing.T) {
	t.Parallel()
	exchangetest.Exercise(t, exchangetest.Venue{
		Name: "simulated Luno", Open: openSim,
		Has: []exchangetest.Capability{
			exchangetest.AccountStreams, exchangetest.Bounds, exchangetest.Candles, exchangetest.Clock, exchangetest.Cuts, exchangetest.Deadlines,
			exchangetest.FOK, exchangetest.IOC, exchangetest.KeyChecks, exchangetest.Ledgers, exchangetest.MarketOrders, exchangetest.Parallel,
			exchangetest.PostOnly, exchangetest.Quotes, exchangetest.States, exchangetest.StopOrders, exchangetest.Streams,
			exchangetest.AnswerGarbled, exchangetest.AnswerLost, exchangetest.Busy, exchangetest.CancelLost, exchangetest.RequestLost, exchangetest.TakenLate,
			exchangetest.FilledFirst, exchangetest.FillsLate, exchangetest.KeyRevoked, exchangetest.QuestionLost,
			exchangetest.MessageDoubled, exchangetest.MessageGarbled, exchangetest.MessageLost, exchangetest.MessageSwapped,
		},
	})
}

// later is a clock that runs ahead of this machine's by as much as it was moved.
type later struct {
	mu sync.Mutex
	by time.Duration
}

func (l *later) Now() time.Time {
	l.mu.Lock()
	defer l.mu.Unlock()
	return time.Now().Add(l.by)
}

func (l *later) advance(d time.Duration) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.by += d
}

// endless is a budget of calls without an end: the cards are not about pace.
type endless struct{}

func (endless) Take(context.Context, exchange.Turn) (time.Duration, error) { return 0, nil }
func (endless) Pause(context.Context, time.Duration) error                 { return nil }

func openSim(t testing.TB) *exchangetest.Bench {
	t.Helper()
	clock := &later{}
	sim, err := lunosim.New(lunosim.Config{
		Markets: lunosim.Markets()[:1], Accounts: lunosim.DefaultAccounts(1, 2), Now: clock.Now,
		Fees:    &exchange.Fees{Maker: 100_000, Taker: 250_001},
		Streams: lunosim.Streams{Beat: 50 * time.Millisecond}, // a lost message shows by the next one
	})
	if err != nil {
		t.Fatal(err)
	}
	server := httptest.NewServer(sim)
	t.Cleanup(server.Close)
	t.Cleanup(sim.Close)
	t.Cleanup(func() {
		faults, struck := sim.Faults(), 0
		for _, f := range faults {
			if struck += f.Struck; f.Kind == lunosim.RevokedKey {
				struck++ // it is not counted: the card sees the refusals
			}
		}
		if len(faults) > 0 && struck == 0 && !t.Failed() {
			t.Errorf("no fault has struck, so the card proves nothing: %+v", faults)
		}
	})
	keys, wire := sim.Keys(), &slow{next: &http.Transport{}}
	t.Cleanup(wire.next.CloseIdleConnections)
	account := func(key lunosim.Key, transport http.RoundTripper) *luno.Client {
		c, err := luno.New(luno.Config{
			BaseURL: server.URL, KeyID: key.ID, Secret: luno.Secret(key.Secret), Now: clock.Now, Budget: endless{}, Transport: transport,
			Sleep: func(context.Context, time.Duration) error { return nil },
		})
		if err != nil {
			t.Fatal(err)
		}
		return c
	}
	ann, bob := account(keys[0], wire), account(keys[3], wire.next)
	market, err := ann.Market(t.Context(), "XBTMYR")
	if err != nil {
		t.Fatal(err)
	}
	cables := &cables{}
	dialer, err := lunostream.NewDialer(lunostream.DialerConfig{
		BaseURL: "ws" + strings.TrimPrefix(server.URL, "http"), KeyID: keys[0].ID, Secret: luno.Secret(keys[0].Secret), NetDial: cables.dial,
	})
	if err != nil {
		t.Fatal(err)
	}
	source, err := lunostream.NewSource(lunostream.SourceConfig{Dialer: dialer, Venue: ann, Now: clock.Now, Settle: 10 * time.Millisecond})
	if err != nil {
		t.Fatal(err)
	}
	own, err := lunostream.NewAccount(lunostream.AccountConfig{Dialer: dialer, Markets: ann})
	if err != nil {
		t.Fatal(err)
	}
	return &exchangetest.Bench{
		Ann: ann.For("bot"), Bob: bob, Data: ann, Quotes: ann, Ledger: ann, KeyChecker: ann, Streamer: source, AccountStreamer: own,
		Market: market, Price: 400_000, Lot: 1000, Now: clock.Now, Advance: clock.advance, Cut: cables.cut,
		Patience: 30 * time.Second, // streams that are cut take seconds to come back where the machine is busy
		Inject: func(fault exchangetest.Capability) {
			if fault == exchangetest.TakenLate {
				wire.holdBack()
				return
			}
			f := faultOf(fault)
			if fault == exchangetest.KeyRevoked {
				f.Key = keys[0].ID
			}
			if _, err := sim.AddFault(f); err != nil {
				t.Error(err)
			}
		},
		SetStatus: func(s exchange.MarketStatus) {
			if err := sim.Venue().SetStatus(market.Pair, s); err != nil {
				t.Error(err)
			}
		},
	}
}

// faultOf returns the simulator's form of a fault.
func faultOf(fault exchangetest.Capability) lunosim.Fault {
	const orders, cancels, balance, market = "/api/1/postorder", "/api/1/stoporder", "/api/1/balance", "/api/1/stream/"
	f := map[exchangetest.Capability]lunosim.Fault{
		exchangetest.AnswerGarbled:  {Kind: lunosim.BadGatewayAfter, Path: orders},
		exchangetest.AnswerLost:     {Kind: lunosim.ResetAfter, Path: orders},
		exchangetest.Busy:           {Kind: lunosim.TooManyRequests, Path: orders},
		exchangetest.CancelLost:     {Kind: lunosim.ResetAfter, Path: cancels},
		exchangetest.FilledFirst:    {Kind: lunosim.FillBeforeStop},
		exchangetest.FillsLate:      {Kind: lunosim.LateFills, Delay: 200},
		exchangetest.KeyRevoked:     {Kind: lunosim.RevokedKey},
		exchangetest.MessageDoubled: {Kind: lunosim.StreamDuplicate, Path: market},
		exchangetest.MessageGarbled: {Kind: lunosim.StreamGarbage, Path: market},
		exchangetest.MessageLost:    {Kind: lunosim.StreamGap, Path: market},
		exchangetest.MessageSwapped: {Kind: lunosim.StreamReorder, Path: market},
		exchangetest.QuestionLost:   {Kind: lunosim.BadGatewayBefore, Path: balance},
		exchangetest.RequestLost:    {Kind: lunosim.ResetBefore, Path: orders},
	}[fault]
	f.Account, f.Count = "trader-1", 1
	return f
}

// slow carries requests; an order that it holds back breaks for its sender, and
// comes to the server after the next look-up.
type slow struct {
	next *http.Transport

	mu   sync.Mutex
	hold bool
	held *http.Request
}

func (s *slow) holdBack() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.hold = true
}

func (s *slow) RoundTrip(r *http.Request) (*http.Response, error) {
	if r.Method == http.MethodPost && s.holds() {
		body, err := io.ReadAll(r.Body)
		if err != nil {
			return nil, err
		}
		s.mu.Lock()
		defer s.mu.Unlock()
		s.held = r.Clone(context.WithoutCancel(r.Context()))
		s.held.Body = io.NopCloser(bytes.NewReader(body))
		return nil, errors.New("the connection broke")
	}
	answer, err := s.next.RoundTrip(r)
	s.mu.Lock()
	held := s.held
	s.held = nil
	s.mu.Unlock()
	if held == nil || err != nil {
		return answer, err
	}
	late, err := s.next.RoundTrip(held)
	if err != nil {
		return nil, errors.Join(err, answer.Body.Close())
	}
	return answer, late.Body.Close()
}

// holds reports whether an order is to be held back, once.
func (s *slow) holds() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	was := s.hold
	s.hold = false
	return was
}

// cables are the connections of the streams.
type cables struct {
	mu   sync.Mutex
	open []net.Conn
}

func (c *cables) dial(ctx context.Context, network, address string) (net.Conn, error) {
	conn, err := (&net.Dialer{}).DialContext(ctx, network, address)
	if err == nil {
		c.mu.Lock()
		defer c.mu.Unlock()
		c.open = append(c.open, conn)
	}
	return conn, err
}

func (c *cables) cut() {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, conn := range c.open {
		_ = conn.Close() // it may be closed already
	}
	c.open = nil
}
