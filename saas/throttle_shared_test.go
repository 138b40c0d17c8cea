package saas_test

import (
	"bufio"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/lunobot/lunobot/exchange"
	"github.com/lunobot/lunobot/exchange/luno"
	"github.com/lunobot/lunobot/exchange/lunosim"
	"github.com/lunobot/lunobot/saas/account"
	"github.com/lunobot/lunobot/saas/db"
	"github.com/lunobot/lunobot/saas/db/dbtest"
	"github.com/lunobot/lunobot/saas/saasdb"
)

// callerEnv tells the test binary to be one of TestThrottleShared's processes; it
// holds the JSON of a caller.
const callerEnv = "LUNOBOT_TEST_CALLER"

// haste is how much faster than the wall the clock of TestThrottleShared is.
const haste = 5

// caller is the task of such a process: to call for its bots as often as the account's
// budget lets it, and now and then to cancel.
type caller struct {
	DatabaseURL, Address, Key, Secret, Name string
	Bots                                    int
	// Epoch is when the clock began, in both times, and Until when to end in its
	// own; in epoch milliseconds.
	Epoch, Until int64
}

// called is what such a process did.
type called struct {
	// Calls are the calls by bot, Cancels the cancels, and Late those that had to wait
	// for the budget.
	Calls         map[string]int
	Cancels, Late int
}

// hasty returns a clock that began at an epoch and is fast.
func hasty(epoch int64) func() time.Time {
	began := time.UnixMilli(epoch)
	return func() time.Time { return began.Add(haste * time.Since(began)) }
}

// hurried is a budget whose waits are as fast as its clock. It counts the cancels that
// it let wait.
type hurried struct {
	*account.Budget
	late atomic.Int64
}

func (h *hurried) Take(ctx context.Context, t exchange.Turn) (time.Duration, error) {
	wait, err := h.Budget.Take(ctx, t)
	if t.Urgent && wait > 0 {
		h.late.Add(1)
	}
	return wait / haste, err
}

// proves T10: several processes whose bots all call for one exchange account as
// often as they may make no more calls in any minute than the exchange allows, as the
// exchange counts them, and use nearly all; it refuses none; cancels find their
// reserve; each bot has its share, however many are in its process; and one that is
// killed takes nothing from the others.
func TestThrottleShared(t *testing.T) {
	t.Parallel()
	dbtest.EachURL(t, throttleShared)
}

func throttleShared(t *testing.T, url string) {
	const limit, run = 300, 100 * time.Second
	d, err := db.Open(t.Context(), db.Config{URL: url})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = d.Close() })
	if _, err := d.Migrate(t.Context(), saasdb.Migrations()); err != nil {
		t.Fatal(err)
	}
	epoch := time.Now().UnixMilli()
	now := hasty(epoch)
	accounts := lunosim.DefaultAccounts(1, 1)
	sim, err := lunosim.New(lunosim.Config{Accounts: accounts, Limit: limit, Markets: lunosim.Markets()[:1], Now: now})
	if err != nil {
		t.Fatal(err)
	}
	var (
		mu      sync.Mutex
		made    []time.Time
		refused int
	)
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		told := &status{ResponseWriter: w}
		mu.Lock() // so that its clock and ours go through the calls in one order
		defer mu.Unlock()
		made = append(made, now())
		sim.ServeHTTP(told, r)
		if told.code == http.StatusTooManyRequests {
			refused++
		}
	}))
	t.Cleanup(server.Close)

	key := accounts[0].Keys[0]
	until := now().Add(run)
	start := func(name string, bots int, until time.Time) *process {
		return startCaller(t, caller{
			DatabaseURL: url, Address: server.URL, Key: key.ID, Secret: key.Secret, Name: name, Bots: bots, Epoch: epoch, Until: until.UnixMilli(),
		})
	}
	doomed := start("doomed", 4, until.Add(time.Hour))
	workers := []*process{start("many", 8, until), start("few", 3, until), start("one", 1, until)}
	waitFor(t, "a quarter of the calls", func() bool {
		mu.Lock()
		defer mu.Unlock()
		return len(made) > limit/4
	})
	doomed.kill()
	calls, cancels, late := map[string]int{}, 0, 0
	for _, w := range workers {
		got := w.result()
		for b, n := range got.Calls {
			calls[b] = n
		}
		cancels, late = cancels+got.Cancels, late+got.Late
	}

	mu.Lock()
	defer mu.Unlock()
	most, first := 0, 0
	for i, at := range made {
		for at.Sub(made[first]) >= time.Minute {
			first++
		}
		most = max(most, i-first+1)
	}
	if most > limit || refused > 0 {
		t.Errorf("there were %d calls in a minute, and %d were refused", most, refused)
	}
	if most < limit*3/4 {
		t.Errorf("there were no more than %d calls in any minute: the run proves little", most)
	}
	if cancels < 20 || late > 0 {
		t.Errorf("of %d cancels %d waited for the budget", cancels, late)
	}
	counts := make([]int, 0, len(calls))
	sum := 0
	for _, n := range calls {
		counts, sum = append(counts, n), sum+n
	}
	slices.Sort(counts)
	if len(counts) != 12 || counts[0] < sum/12/2 || counts[11] > sum/12*2 {
		t.Errorf("the bots had %v calls", calls)
	}
	t.Logf("%d calls, %d at most in a minute, %d cancels at once; the bots had %v", len(made), most, cancels, counts)
}

// status notes the status of an answer.
type status struct {
	http.ResponseWriter
	code int
}

func (s *status) WriteHeader(code int) {
	s.code = code
	s.ResponseWriter.WriteHeader(code)
}

// process is a caller at work.
type process struct {
	t   *testing.T
	cmd *exec.Cmd
	out *bufio.Scanner
}

func startCaller(t *testing.T, c caller) *process {
	t.Helper()
	task, err := json.Marshal(c)
	if err != nil {
		t.Fatal(err)
	}
	exe, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), exe)
	cmd.Env, cmd.Stderr = append(os.Environ(), callerEnv+"="+string(task)), os.Stderr
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	return &process{t: t, cmd: cmd, out: bufio.NewScanner(out)}
}

// kill ends it with SIGKILL.
func (p *process) kill() {
	p.t.Helper()
	if err := p.cmd.Process.Kill(); err != nil {
		p.t.Fatal(err)
	}
	_ = p.cmd.Wait() // which says that it was killed
}

// result waits for the end and returns what it did.
func (p *process) result() (c called) {
	p.t.Helper()
	if !p.out.Scan() {
		p.t.Error("the process said nothing")
	} else if err := json.Unmarshal(p.out.Bytes(), &c); err != nil {
		p.t.Error(err)
	}
	if err := p.cmd.Wait(); err != nil {
		p.t.Error(err)
	}
	return c
}

// runCaller is the main function of such a process.
func runCaller() int {
	var c caller
	err := json.Unmarshal([]byte(os.Getenv(callerEnv)), &c)
	if err == nil {
		err = c.run(context.Background())
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "caller:", err)
		return 1
	}
	return 0
}

func (c caller) run(ctx context.Context) error {
	d, err := db.Open(ctx, db.Config{URL: c.DatabaseURL})
	if err != nil {
		return err
	}
	defer func() { _ = d.Close() }()
	now := hasty(c.Epoch)
	// The lease is as long as it may be, for it is how late a call may come after it was
	// counted, in the fast clock.
	budget, err := account.NewBudget(account.BudgetConfig{
		TenantID: "a", AccountID: "x", Holder: c.Name, Now: now, Store: saasdb.New(d), Lease: 10 * time.Second,
	})
	if err != nil {
		return err
	}
	fast := &hurried{Budget: budget}
	client, err := luno.New(luno.Config{
		BaseURL: c.Address, Budget: fast, KeyID: c.Key, Secret: luno.Secret(c.Secret), Now: now,
	})
	if err != nil {
		return err
	}
	var (
		work  sync.WaitGroup
		mu    sync.Mutex
		did   = called{Calls: map[string]int{}}
		fault error
	)
	for i := range c.Bots {
		bot := fmt.Sprintf("%s %d", c.Name, i)
		account := client.For(bot)
		work.Go(func() {
			for now().UnixMilli() < c.Until {
				_, err := account.Balances(ctx)
				mu.Lock()
				did.Calls[bot]++
				fault = cmp.Or(fault, err)
				mu.Unlock()
				if err != nil {
					return
				}
			}
		})
	}
	work.Go(func() {
		for now().UnixMilli() < c.Until {
			err := client.For(c.Name+" 0").Cancel(ctx, "XBTMYR", "BX0000000000000")
			if exchange.KindOf(err) != exchange.KindNotOpen {
				mu.Lock()
				fault = cmp.Or(fault, fmt.Errorf("a cancel of an order that nobody has: %w", errors.Join(err)))
				mu.Unlock()
				return
			}
			mu.Lock()
			did.Cancels++
			mu.Unlock()
			time.Sleep(6 * time.Second / haste)
		}
	})
	work.Wait()
	did.Late = int(fast.late.Load())
	if fault != nil {
		return fault
	}
	return json.NewEncoder(os.Stdout).Encode(did)
}
