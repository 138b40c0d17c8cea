package journal_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/lunobot/lunobot/saas/journal"
)

// gate is a store whose commits wait to be let through, and which notes how many
// entries each had. Bot "lost" is refused, "bad" fails its transaction.
type gate struct {
	journal.LiveStore
	open chan struct{}

	mu      sync.Mutex
	commits []int
}

var (
	errRefused = errors.New("refused")
	errBad     = errors.New("bad")
)

func (g *gate) CommitLive(_ context.Context, entries ...journal.LiveEntry) ([]error, error) {
	<-g.open
	g.mu.Lock()
	defer g.mu.Unlock()
	refused := make([]error, len(entries))
	for i, e := range entries {
		switch e.BotID {
		case "bad":
			return nil, errBad
		case "lost":
			refused[i] = errRefused
		}
	}
	g.commits = append(g.commits, len(entries))
	return refused, nil
}

// grouped commits entries of bots while another transaction is under way, and
// returns of how many entries the transactions were and what each bot was told.
func grouped(t *testing.T, bots ...string) (commits []int, told map[string]error) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		store := &gate{open: make(chan struct{})}
		g, err := journal.NewGroup(journal.GroupConfig{Store: store, Linger: time.Minute})
		if err != nil {
			t.Fatal(err)
		}
		told = map[string]error{}
		var mu sync.Mutex
		commit := func(bot string) {
			go func() {
				err := g.Commit(t.Context(), journal.LiveEntry{BotID: bot})
				mu.Lock()
				defer mu.Unlock()
				told[bot] = err
			}()
			synctest.Wait() // it waits now
		}
		for _, bot := range append([]string{"first"}, bots...) {
			commit(bot)
		}
		close(store.open)
		synctest.Wait()
		// As many as before are not to come any more: one alone does not wait long.
		commit("last")
		time.Sleep(time.Minute)
		synctest.Wait()
		commits = store.commits
	})
	return commits, told
}

// What waits while a transaction is under way goes into the next one together.
func TestGroupCommitsTogether(t *testing.T) {
	t.Parallel()
	bots := []string{"lost"}
	for i := range 10 {
		bots = append(bots, fmt.Sprint("bot", i))
	}
	commits, told := grouped(t, bots...)
	if !slices.Equal(commits, []int{1, 11, 1}) {
		t.Errorf("transactions of %v entries", commits)
	}
	for bot, err := range told {
		if (bot == "lost") != errors.Is(err, errRefused) {
			t.Errorf("%s: %v", bot, err)
		}
	}
	if len(told) != 13 {
		t.Errorf("%d of 13 were told", len(told))
	}
}

// One bot's faulty entry is no other's matter.
func TestGroupPartsFromFaults(t *testing.T) {
	t.Parallel()
	commits, told := grouped(t, "a", "bad", "b")
	if !slices.Equal(commits, []int{1, 1, 1, 1}) || len(told) != 5 {
		t.Errorf("transactions of %v entries, %d told", commits, len(told))
	}
	for bot, err := range told {
		if (bot == "bad") != errors.Is(err, errBad) {
			t.Errorf("%s: %v", bot, err)
		}
	}
}
