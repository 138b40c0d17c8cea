package lunosim

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"net/http"
	"sync"
	"sync/atomic"
	"time"

	"github.com/shopspring/decimal"

	"github.com/lunobot/lunobot/exchange"
	"github.com/lunobot/lunobot/exchange/paper"
)

const (
	// minute is the length of the shortest candle, in milliseconds.
	minute = 60_000
	// day is how far back the public trades go.
	day = 24 * 60 * minute
	// houseName is the name of the member that makes the market.
	houseName    = "house"
	strangerName = "stranger"
	// maxSlip is how far a market order may run.
	maxSlip = exchange.RateOne / 4
)

// Sim is a simulated Luno. It is an http.Handler, safe for concurrent use.
type Sim struct {
	cfg      Config
	venue    *paper.Exchange
	house    *paper.Member
	stranger *paper.Member // trades where a fault wants it
	markets  map[string]*market
	pairs    []string
	accounts []*account
	keys     map[string]*key
	callers  callers
	mux      *http.ServeMux
	sessions sessions
	faults   faults
	// settling guards forced, the states that faults hold markets in.
	settling sync.Mutex
	forced   map[string]string
	calls    tally
	// began is when it began, in epoch milliseconds, or the first one of its file.
	began int64
	// file is where the simulator keeps itself; nil if it does not.
	file *stateFile
	// moves counts the calls that would have moved money.
	moves atomic.Int64
}

// New returns a simulator; the error names all that is wrong with cfg. It starts
// nothing.
func New(cfg Config) (*Sim, error) {
	cfg = cfg.withDefaults()
	if err := cfg.validate(); err != nil {
		return nil, err
	}
	s := &Sim{cfg: cfg, markets: map[string]*market{}, keys: map[string]*key{}, callers: callers{limit: cfg.Limit}, forced: map[string]string{}}
	if err := s.open(); err != nil {
		return nil, errors.Join(err, s.file.close())
	}
	return s, nil
}

// open builds the simulator, or finds it in its file.
func (s *Sim) open() (err error) {
	cfg := s.cfg
	s.began = s.now()
	if s.file, err = openStateFile(cfg.State); err != nil {
		return err
	}
	plain := make([]exchange.Market, len(cfg.Markets))
	for i, m := range cfg.Markets {
		plain[i] = m.Market
	}
	s.venue, err = paper.NewExchange(paper.ExchangeConfig{
		BaseFees: cfg.BaseFees, Fees: *cfg.Fees, Markets: plain, MaxSlip: maxSlip, Now: cfg.Now, OrderID: orderIDs(cfg.Seed), Record: s.file.recorder(), Tape: day * time.Millisecond,
	})
	if err != nil {
		return fmt.Errorf("lunosim: %w", err)
	}
	s.faults.random = rand.New(rand.NewPCG(cfg.Seed, 3)) //nolint:gosec // chances that must be the same for one seed
	for name, to := range map[string]**paper.Member{houseName: &s.house, strangerName: &s.stranger} {
		if *to, err = s.venue.JoinForgetful(name); err != nil {
			return fmt.Errorf("lunosim: %w", err)
		}
	}
	for _, m := range cfg.Markets {
		kept := newMarket(m)
		if _, _, err := s.venue.Watch(m.Pair, kept.hear); err != nil {
			return fmt.Errorf("lunosim: %w", err)
		}
		s.markets[m.Pair], s.pairs = kept, append(s.pairs, m.Pair)
	}
	if err := s.openAccounts(); err != nil {
		return err
	}
	s.sessions.begin()
	s.mux = s.routes()
	return s.resume()
}

// Began returns when the simulator began, the first one of Config.State if there is such
// a file: what is a function of the time since then goes on over restarts.
func (s *Sim) Began() time.Time { return time.UnixMilli(s.began) }

// Keys lists all keys, those of the first account first.
func (s *Sim) Keys() []Key {
	var out []Key
	for _, a := range s.cfg.Accounts {
		out = append(out, a.Keys...)
	}
	return out
}

// Venue returns the matching engine, for those who look behind the protocol.
func (s *Sim) Venue() *paper.Exchange { return s.venue }

// Close ends all streams, and all hangs, and waits for the streams; new ones are
// refused. Calls are answered further on.
func (s *Sim) Close() { s.sessions.end() }

// ServeHTTP answers one call.
func (s *Sim) ServeHTTP(w http.ResponseWriter, r *http.Request) { s.mux.ServeHTTP(w, r) }

// now is the simulator's time in epoch milliseconds.
func (s *Sim) now() int64 { return s.cfg.Now().UnixMilli() }

// told is the time that the simulator takes it for, which a fault can make wrong.
func (s *Sim) told() time.Time {
	return s.cfg.Now().Add(time.Duration(s.faults.skew.Load()) * time.Millisecond)
}

// openAccounts makes the members, with ids like Luno's, and their ledgers.
func (s *Sim) openAccounts() error {
	random := rand.New(rand.NewPCG(s.cfg.Seed, 2)) //nolint:gosec // ids of a simulator, which must be the same for one seed
	currencies := s.venue.CollectedFees()
	for _, cfg := range s.cfg.Accounts {
		member, err := s.venue.Join(cfg.Name)
		if err != nil {
			return fmt.Errorf("lunosim: %w", err)
		}
		a := &account{
			name: cfg.Name, member: member, ids: map[string]int64{}, ledgers: map[string]*ledger{}, feed: feed{now: s.now, keep: s.cfg.Streams.Replay.Milliseconds()},
		}
		for _, c := range currencies {
			id := accountBase + random.Int64N(accountBase)
			a.ids[c.Currency], a.currencies = id, append(a.currencies, c.Currency)
			a.ledgers[c.Currency] = &ledger{currency: c.Currency, id: id}
		}
		member.Watch(a.hear)
		for _, c := range currencies {
			if s.file.holds() {
				break // what it has is told there
			}
			if amount := cfg.Balances[c.Currency]; amount.IsPositive() {
				if err := member.Deposit(c.Currency, amount); err != nil {
					return fmt.Errorf("lunosim: account %s: %w", cfg.Name, err)
				}
			}
		}
		s.accounts = append(s.accounts, a)
		for _, k := range cfg.Keys {
			s.keys[k.ID] = &key{Key: k, account: a}
		}
	}
	return nil
}

// accountBase makes account ids of 19 digits, which no float64 holds.
const accountBase = 4_000_000_000_000_000_000

// Deposit gives an account money; it is a transfer in its list of transactions.
func (s *Sim) Deposit(account, currency string, amount decimal.Decimal) error {
	for _, a := range s.accounts {
		if a.name == account {
			return a.member.Deposit(currency, amount)
		}
	}
	return fmt.Errorf("lunosim: there is no account %q", account)
}

// orderIDs names orders as Luno does: BX and 13 capital letters and digits.
func orderIDs(seed uint64) func(int64) string {
	const digits = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567"
	return func(number int64) string {
		x := mix(uint64(number) ^ mix(seed)) // one to one, so that no two are alike
		id := []byte("BX-------------")
		for i := len(id) - 1; i > 1; i-- {
			id[i] = digits[x%32]
			x /= 32
		}
		return string(id)
	}
}

// mix scrambles a number one to one: the finaliser of SplitMix64.
func mix(x uint64) uint64 {
	x = (x ^ x>>30) * 0xbf58476d1ce4e5b9
	x = (x ^ x>>27) * 0x94d049bb133111eb
	return x ^ x>>31
}
