package lunosim

import (
	"cmp"
	"context"
	"slices"
	"sync"
	"time"

	"github.com/lunobot/lunobot/exchange/paper"
)

// State is what the simulator looks like from behind: for its status page and for
// tests.
type State struct {
	// Time is the simulator's time.
	Time     time.Time      `json:"time"`
	Markets  []MarketState  `json:"markets"`
	Accounts []AccountState `json:"accounts"`
	// Fees are what was taken of each currency.
	Fees map[string]string `json:"fees"`
	// Streams are the open ones.
	Streams []StreamState `json:"streams"`
	Calls   []CallState   `json:"calls"`
	Faults  []Fault       `json:"faults"`
	// Moves counts the calls that would have moved money.
	Moves int64 `json:"moves"`
}

// MarketState is a market.
type MarketState struct {
	Pair   string `json:"pair"`
	Status string `json:"status"`
	Bid    string `json:"bid"`
	Ask    string `json:"ask"`
	Last   string `json:"last"`
	// Trades counts all trades, Orders those that rest.
	Trades int64 `json:"trades"`
	Orders int   `json:"orders"`
}

// AccountState is an account.
type AccountState struct {
	Name     string         `json:"name"`
	Balances []BalanceState `json:"balances"`
	// Open and Over count its orders.
	Open int `json:"open"`
	Over int `json:"over"`
}

// BalanceState is a balance that is not 0.
type BalanceState struct {
	Currency string `json:"currency"`
	Total    string `json:"total"`
	Reserved string `json:"reserved"`
}

// StreamState is an open stream.
type StreamState struct {
	Path    string `json:"path"`
	Account string `json:"account"`
}

// CallState counts the answers of a call by status; those that a fault struck count
// as status 0 besides.
type CallState struct {
	Call   string `json:"call"`
	Status int    `json:"status"`
	Count  int64  `json:"count"`
}

// State returns what the simulator looks like now.
func (s *Sim) State(ctx context.Context) (State, error) {
	state := State{
		Time: s.cfg.Now().UTC(), Fees: map[string]string{}, Calls: s.calls.list(), Faults: s.Faults(), Moves: s.Moves(), Streams: s.sessions.states(),
	}
	for _, pair := range s.pairs {
		m := s.markets[pair]
		t, err := s.tickerOf(ctx, m)
		if err != nil {
			return State{}, err
		}
		book, err := s.venue.Snapshot(ctx, pair)
		if err != nil {
			return State{}, err
		}
		m.mu.Lock()
		trades := m.trades
		m.mu.Unlock()
		state.Markets = append(state.Markets, MarketState{
			Pair: pair, Status: m.status(book.Status).market, Bid: t.Bid, Ask: t.Ask, Last: t.Last, Trades: trades, Orders: len(book.Bids) + len(book.Asks),
		})
	}
	for _, a := range s.accounts {
		of := AccountState{Name: a.name}
		balances, err := a.member.Balances(ctx)
		if err != nil {
			return State{}, err
		}
		for _, b := range balances {
			if !b.Total.IsZero() {
				of.Balances = append(of.Balances, BalanceState{b.Currency, plain(b.Total), plain(b.Reserved)})
			}
		}
		for over, to := range map[bool]*int{false: &of.Open, true: &of.Over} {
			orders, err := a.member.Orders(ctx, paper.OrderFilter{Live: !over, Over: over, Limit: maxFills})
			if err != nil {
				return State{}, err
			}
			*to = len(orders)
		}
		state.Accounts = append(state.Accounts, of)
	}
	for _, b := range s.venue.CollectedFees() {
		state.Fees[b.Currency] = plain(b.Total)
	}
	return state, nil
}

// states lists the open streams.
func (s *sessions) states() []StreamState {
	s.mu.Lock()
	defer s.mu.Unlock()
	out := make([]StreamState, 0, len(s.open))
	for x := range s.open {
		out = append(out, StreamState{x.path, x.key.account.name})
	}
	slices.SortFunc(out, func(a, b StreamState) int {
		return cmp.Or(cmp.Compare(a.Path, b.Path), cmp.Compare(a.Account, b.Account))
	})
	return out
}

// tally counts answers.
type tally struct {
	mu     sync.Mutex
	counts map[answered]int64
}

type answered struct {
	call   string
	status int
}

func (t *tally) add(call string, status int) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.counts == nil {
		t.counts = map[answered]int64{}
	}
	t.counts[answered{call, status}]++
}

func (t *tally) list() []CallState {
	t.mu.Lock()
	defer t.mu.Unlock()
	out := make([]CallState, 0, len(t.counts))
	for a, n := range t.counts {
		out = append(out, CallState{a.call, a.status, n})
	}
	slices.SortFunc(out, func(a, b CallState) int { return cmp.Or(cmp.Compare(a.Call, b.Call), cmp.Compare(a.Status, b.Status)) })
	return out
}
