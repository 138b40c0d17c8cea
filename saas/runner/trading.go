package runner

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"sync"
	"time"

	"github.com/lunobot/lunobot/exchange"
	"github.com/lunobot/lunobot/saas/account"
	"github.com/lunobot/lunobot/saas/journal"
)

// Trading is what a worker needs for bots that trade at an exchange; all fields are
// required but CheckEvery.
type Trading struct {
	// Accounts opens tenants' exchange accounts; account.Connector does.
	Accounts Accounts
	// CheckEvery is the time between two reconciliations of a bot. Defaults to 30 s.
	CheckEvery time.Duration
	// Installation is part of every client order id.
	Installation string
	// Journal keeps the orders.
	Journal journal.LiveStore
	// Now is the clock, the one that leases are kept by.
	Now func() time.Time
}

// Accounts opens tenants' exchange accounts.
type Accounts interface {
	Open(ctx context.Context, tenantID, accountID string, markets []exchange.Market) (account.Connection, error)
	// Doubt has a key checked that the exchange has refused.
	Doubt(ctx context.Context, tenantID, accountID string) error
}

func (t *Trading) validate() error {
	var problems []error
	need := func(ok bool, name string) {
		if !ok {
			problems = append(problems, fmt.Errorf("runner: Trading.%s is required", name))
		}
	}
	need(t.Accounts != nil, "Accounts")
	need(t.Installation != "", "Installation")
	need(t.Journal != nil, "Journal")
	need(t.Now != nil, "Now")
	return errors.Join(problems...)
}

// floor is where the bots of a worker reach their exchange accounts: all bots of an
// account share one connection, one stream of what happens to its orders, and the
// journal's transactions.
type floor struct {
	r       *Runner
	commits *journal.Group

	mu    sync.Mutex
	seats map[place]*seat
	// bots are those that work, or try to.
	bots map[*livebot]bool
}

// place names an account: bots of different tenants never share one.
type place struct{ tenant, account string }

// seat is an account that is connected.
type seat struct {
	connection account.Connection
	bots       map[*livebot]bool
	end        context.CancelFunc
}

func newFloor(r *Runner) (*floor, error) {
	commits, err := journal.NewGroup(journal.GroupConfig{Store: r.cfg.Trading.Journal})
	return &floor{r: r, commits: commits, seats: map[place]*seat{}, bots: map[*livebot]bool{}}, err
}

// join connects a bot's account, unless another bot has done so, and lets the bot hear
// its stream until it leaves. ctx is the worker's.
func (f *floor) join(ctx context.Context, l *livebot) (exchange.Trader, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	s := f.seats[l.place()]
	if s == nil {
		var markets []exchange.Market
		for _, pair := range f.r.cfg.Markets.Pairs() {
			m, err := f.r.cfg.Markets.Market(pair)
			if err != nil {
				return nil, err
			}
			markets = append(markets, m)
		}
		opening, cancel := context.WithTimeout(ctx, callTimeout)
		connection, err := f.r.cfg.Trading.Accounts.Open(opening, l.tenant, l.account, markets)
		cancel()
		if err != nil {
			return nil, err
		}
		listening, end := context.WithCancel(context.WithoutCancel(ctx))
		s = &seat{connection: connection, bots: map[*livebot]bool{}, end: end}
		f.seats[l.place()] = s
		f.r.done.Go(func() { f.listen(listening, l.account, s) })
	}
	s.bots[l] = true
	return s.connection.For(l.bot), nil
}

func (l *livebot) place() place { return place{l.tenant, l.account} }

// enter notes a bot that begins its work, and exit one that has ended it.
func (f *floor) enter(l *livebot) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.bots[l] = true
}

func (f *floor) exit(l *livebot) {
	f.leave(l)
	f.mu.Lock()
	defer f.mu.Unlock()
	delete(f.bots, l)
}

// leave ends what join began.
func (f *floor) leave(l *livebot) {
	f.mu.Lock()
	defer f.mu.Unlock()
	s := f.seats[l.place()]
	if s == nil || !s.bots[l] {
		return
	}
	if delete(s.bots, l); len(s.bots) == 0 {
		s.end()
		delete(f.seats, l.place())
	}
}

// refused ends the connection of an account whose key its exchange refuses, for all bots
// that have it, so that each opens it anew.
func (f *floor) refused(l *livebot, err error) {
	f.mu.Lock()
	bots := []*livebot{l}
	if s := f.seats[l.place()]; s != nil && s.bots[l] {
		s.end()
		delete(f.seats, l.place())
		for other := range s.bots {
			if other != l {
				bots = append(bots, other)
			}
		}
	}
	f.mu.Unlock()
	for _, b := range bots {
		b.refuse(err)
	}
}

// Nudge makes bots of a tenant look at their exchange now, because somebody has decided
// something: one, or all that trade on an account.
func (r *Runner) Nudge(tenantID, botID, accountID string) {
	if r.floor == nil {
		return
	}
	r.floor.mu.Lock()
	defer r.floor.mu.Unlock()
	for l := range r.floor.bots {
		if l.tenant == tenantID && (l.bot == botID || l.account == accountID) {
			l.nudge()
		}
	}
}

// listen keeps an account's stream open until ctx ends, and tells its bots.
func (f *floor) listen(ctx context.Context, id string, s *seat) {
	backoff := exchange.Backoff{Min: 500 * time.Millisecond, Max: time.Minute, Rand: rand.Float64}
	for failures := 0; ctx.Err() == nil; {
		var connected time.Time
		err := s.connection.StreamAccount(ctx, func(e exchange.AccountEvent) {
			if e.Connected {
				connected = f.r.cfg.Now()
			}
			f.mu.Lock()
			defer f.mu.Unlock()
			for l := range s.bots {
				l.tell(e)
			}
		})
		if ctx.Err() != nil {
			return
		}
		if exchange.KindOf(err) == exchange.KindKey {
			f.mu.Lock()
			var one *livebot
			for l := range s.bots {
				one = l
			}
			f.mu.Unlock()
			if one != nil {
				f.refused(one, err)
			}
			return
		}
		var worked, pause time.Duration
		if !connected.IsZero() {
			worked = f.r.cfg.Now().Sub(connected)
		}
		pause, failures = backoff.Next(failures, worked)
		f.r.cfg.Log.WarnContext(ctx, "an account's stream broke", "account_id", id, "pause", pause, "error", err)
		timer := time.NewTimer(pause)
		select {
		case <-ctx.Done():
		case <-timer.C:
		}
		timer.Stop()
	}
}
