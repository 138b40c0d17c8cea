package runner

import (
	"context"
	"errors"
	"time"

	"github.com/lunobot/lunobot/exchange"
	"github.com/lunobot/lunobot/saas/execution"
	"github.com/lunobot/lunobot/saas/lease"
	"github.com/lunobot/lunobot/strategy/backtest/parity"
	"github.com/lunobot/lunobot/strategy/engine/remote"
)

// carry hands over the wishes of a state that is committed. With back they are those of a
// run that is over: all are taken back, also protective exits, which were meant for the
// prices of that time.
func (l *livebot) carry(a *parity.Account, back bool) {
	l.mu.Lock()
	desk := l.desk
	l.mu.Unlock()
	if desk == nil {
		return
	}
	var wishes []execution.Wish
	for _, w := range a.Wishes() {
		w.Asked = w.Asked || back
		wishes = append(wishes, execution.Wish{Wish: w, Reason: a.Why(w.Number)})
	}
	desk.Carry(wishes)
}

// giveBack wants claimed orders taken back and returns how many are not settled; false if
// that is not known, because it is not reconciled.
func (l *livebot) giveBack(reason string) (left int, known bool) {
	l.mu.Lock()
	desk := l.desk
	l.mu.Unlock()
	if desk == nil {
		return 0, false
	}
	if left = desk.Claimed(); left > 0 {
		desk.GiveBack(reason)
	}
	return left, true
}

// shun wants claimed buys taken back, because the bot is to buy nothing.
func (l *livebot) shun(reason string) {
	l.mu.Lock()
	desk := l.desk
	l.mu.Unlock()
	if desk != nil {
		desk.GiveBackBuys(reason)
	}
}

// claimedBuys is how many claimed buys are not settled; false if that is not known, because
// it is not reconciled.
func (l *livebot) claimedBuys() (n int, known bool) {
	l.mu.Lock()
	desk := l.desk
	l.mu.Unlock()
	if desk == nil {
		return 0, false
	}
	return desk.ClaimedBuys(), true
}

// news returns what happened that an account has not heard of.
func (l *livebot) news(ctx context.Context, a *parity.Account) ([]remote.News, error) {
	l.mu.Lock()
	desk := l.desk
	l.mu.Unlock()
	if desk == nil {
		return nil, nil
	}
	return desk.News(ctx, a.Event(), a.Knows)
}

// tell takes an event of the account's stream; it never waits.
func (l *livebot) tell(e exchange.AccountEvent) {
	select {
	case l.stream <- e:
	default:
		select {
		case l.missed <- struct{}{}:
		default:
		}
	}
}

// forsake has all orders taken back but protective exits, until the exchange has answered:
// the account that they belong to cannot be read, and wants nothing any more.
func (l *livebot) forsake() {
	l.mu.Lock()
	already, desk := l.forsaken, l.desk
	l.forsaken = true
	l.mu.Unlock()
	if already {
		return
	}
	if desk != nil {
		desk.Carry(nil)
	}
	select {
	case l.recall <- struct{}{}:
	default:
	}
}

// takeBack takes the orders back once the bot is forsaken.
func (l *livebot) takeBack(ctx context.Context, e *execution.Executor) error {
	backoff := exchange.Backoff{Min: recallFirst, Max: recallMost, Rand: func() float64 { return 0.5 }}
	for failures := 0; ; {
		l.mu.Lock()
		forsakes := l.forsaken
		l.mu.Unlock()
		var again <-chan time.Time
		if forsakes {
			left, err := e.Recall(ctx, forsaken, false)
			switch {
			case errors.Is(err, lease.ErrLost):
				return err
			case exchange.KindOf(err) == exchange.KindKey:
				l.answered(err)
			case left > 0:
				l.r.cfg.Log.WarnContext(ctx, "orders of a bot that failed are not taken back yet", "tenant_id", l.tenant, "bot_id", l.bot, "orders", left, "error", err)
				again = time.After(backoff.Pause(failures))
				failures++
			default:
				l.wake()
			}
		}
		select {
		case <-ctx.Done():
			return nil
		case <-l.recall:
			failures = 0
		case <-again:
		}
	}
}
