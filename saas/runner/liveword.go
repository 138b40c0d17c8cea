package runner

import (
	"cmp"
	"context"
	"fmt"
	"time"

	"github.com/lunobot/lunobot/exchange"
	"github.com/lunobot/lunobot/saas/bot"
)

// wordEvery is how often a livebot looks for how old the exchange's last word is.
const wordEvery = 5 * time.Second

// word is what a bot last heard of its exchange.
type word struct {
	// at is when books and exchange were last compared, and fault why they could not be
	// since; "" if they were not tried.
	at    time.Time
	fault string
	// told is what the tenant is told of it; "" while all is well.
	told string
}

// answered is execution.Config.Answered: a key that the exchange refuses ends the work with
// it at once, and anything else counts once it lasts.
func (l *livebot) answered(err error) {
	if exchange.KindOf(err) == exchange.KindKey {
		l.r.floor.refused(l, err)
		return
	}
	l.mu.Lock()
	if err == nil {
		l.word = word{at: l.r.cfg.Trading.Now(), told: l.word.told}
	} else {
		l.word.fault = err.Error()
	}
	l.mu.Unlock()
	l.age()
}

// age says how old the exchange's last word is, if it is too old (rule M2), and wakes the
// group if that has changed.
func (l *livebot) age() {
	l.mu.Lock()
	told := ""
	if old := l.r.cfg.Trading.Now().Sub(l.word.at); l.desk != nil && old > l.r.cfg.Trading.silence() {
		age := "less than a minute"
		switch minutes := int(old / time.Minute); {
		case minutes == 1:
			age = "a minute"
		case minutes > 1:
			age = fmt.Sprintf("%d minutes", minutes)
		}
		told = fmt.Sprintf("the exchange has not answered since %s, for %s: it is asked again and again, and nothing new is bought meanwhile",
			l.word.at.UTC().Format("15:04:05 UTC on 2 Jan 2006"), age)
		if l.word.fault != "" {
			told += "; the last answer was: " + l.word.fault
		}
	}
	changed := told != l.word.told
	l.word.told = told
	l.mu.Unlock()
	if changed {
		l.wake()
	}
}

// listenToAge keeps age up to date until ctx ends, and has the key checked when a silence
// begins: that it lasts is on record then.
func (l *livebot) listenToAge(ctx context.Context) error {
	tick := time.NewTicker(wordEvery)
	defer tick.Stop()
	for doubted := false; ; {
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
			l.age()
			silent := l.silent()
			if silent && !doubted {
				l.doubt(ctx)
			}
			doubted = silent
		}
	}
}

// silent reports whether the exchange has not answered for too long.
func (l *livebot) silent() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.word.told != ""
}

// silence is how long an exchange may say nothing.
func (t *Trading) silence() time.Duration {
	every := cmp.Or(t.CheckEvery, 30*time.Second)
	return max(every+every/2, 10*time.Second)
}

// refuse takes note that the exchange refuses the bot's key: what works with it ends, and
// the account is opened anew until there is one that it takes.
func (l *livebot) refuse(err error) {
	l.mu.Lock()
	l.desk = nil
	stop := l.end
	l.mu.Unlock()
	l.become(bot.Paused, "the exchange refuses the key of its account, so that nothing can be ordered or taken back, protective exits neither; "+
		"it goes on by itself once the key works again: "+err.Error())
	if stop != nil {
		stop()
	}
}
