package saas_test

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"os/exec"
	"sync"
	"testing"

	"github.com/lunobot/lunobot/billing"
	"github.com/lunobot/lunobot/saas"
	"github.com/lunobot/lunobot/saas/bot"
	"github.com/lunobot/lunobot/saas/db/dbtest"
	"github.com/lunobot/lunobot/saas/errs"
	"github.com/lunobot/lunobot/saas/page"
	"github.com/lunobot/lunobot/saas/research"
	"github.com/lunobot/lunobot/tenancy"
)

// creatorEnv tells the test binary to be one of TestGateConcurrent's processes;
// it holds the JSON of a creator.
const creatorEnv = "LUNOBOT_TEST_CREATOR"

// creator is the task of such a process: to create bots or backtests for a
// tenant, all at once.
type creator struct {
	DatabaseURL, DataDir string
	Principal            tenancy.Principal
	Count                int
	// Backtests asks for backtests instead of bots.
	Backtests bool
}

// proves E1, E6, E9: 100 concurrent creates on a plan of three bots, from two
// processes, give three bots and 97 refusals of one code, and the refused leave
// nothing behind.
func TestGateConcurrent(t *testing.T) {
	t.Parallel()
	dbtest.EachURL(t, gateConcurrent)
}

func gateConcurrent(t *testing.T, url string) {
	ctx := t.Context()
	app, err := saas.New(ctx, saas.Config{DatabaseURL: url, DataDir: t.TempDir(), Strategies: bundle()})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(app.Stop)
	login, err := app.Tenancy().Register(ctx, tenancy.RegisterInput{
		Email: "gate@example.com", Password: "a long enough phrase", FirstName: "Gate", LastName: "Keeper",
	})
	if err != nil {
		t.Fatal(err)
	}
	p := login.Principal
	if _, err := app.Billing().ChangePlan(ctx, p.TenantID, billing.ChangePlanInput{Plan: "basic", Actor: p.UserID}); err != nil {
		t.Fatal(err)
	}

	const processes, each = 2, 50
	total := race(t, processes, creator{DatabaseURL: url, Principal: p, Count: each})
	want := map[string]int{"": 3, "limit_exceeded": processes*each - 3}
	if !maps.Equal(total, want) {
		t.Errorf("outcomes by code = %v, want %v", total, want)
	}
	bots, err := app.Bots().Bots(ctx, p, page.Page{Limit: 500})
	if err != nil || len(bots.Items) != 3 {
		t.Errorf("%d bots exist, %v; want 3", len(bots.Items), err)
	}
	usage, err := app.Billing().Gate().Usage(ctx, p.TenantID)
	if err != nil {
		t.Fatal(err)
	}
	for _, u := range usage {
		if u.Feature == billing.Bots && u.Used != 3 {
			t.Errorf("%d bots are counted, want 3", u.Used)
		}
		if u.Feature == billing.Pairs && u.Used != 1 {
			t.Errorf("%d pairs are counted, want 1", u.Used)
		}
	}
	t.Logf("%d creates from %d processes: %d bots, %d refused as limit_exceeded", processes*each, processes, total[""], total["limit_exceeded"])
}

// race lets processes with the same task begin at once and counts the outcomes
// of them all by error code.
func race(t *testing.T, processes int, task creator) map[string]int {
	t.Helper()
	total := map[string]int{}
	var start []func()
	var collect []func() map[string]int
	for range processes {
		task.DataDir = t.TempDir()
		begin, counts := startCreator(t, task)
		start, collect = append(start, begin), append(collect, counts)
	}
	for _, begin := range start {
		begin()
	}
	for _, counts := range collect {
		for code, n := range counts() {
			total[code] += n
		}
	}
	return total
}

// startCreator starts a process that is ready to create; begin lets it, counts
// waits for it and returns the outcomes by error code.
func startCreator(t *testing.T, c creator) (begin func(), counts func() map[string]int) {
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
	cmd.Env = append(os.Environ(), creatorEnv+"="+string(task))
	cmd.Stderr = os.Stderr
	in, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	lines := bufio.NewScanner(out)
	if !lines.Scan() || lines.Text() != "ready" {
		t.Fatalf("the process is not ready: %q", lines.Text())
	}
	begin = func() {
		if _, err := fmt.Fprintln(in, "go"); err != nil {
			t.Error(err)
		}
	}
	return begin, func() map[string]int {
		got := map[string]int{}
		if !lines.Scan() {
			t.Error("the process said nothing")
		} else if err := json.Unmarshal(lines.Bytes(), &got); err != nil {
			t.Error(err)
		}
		if err := cmd.Wait(); err != nil {
			t.Error(err)
		}
		return got
	}
}

// runCreator is the process's main; it returns the exit code.
func runCreator() int {
	fail := func(err error) int {
		fmt.Fprintln(os.Stderr, "creator:", err)
		return 1
	}
	var c creator
	if err := json.Unmarshal([]byte(os.Getenv(creatorEnv)), &c); err != nil {
		return fail(err)
	}
	ctx := context.Background()
	app, err := saas.New(ctx, saas.Config{DatabaseURL: c.DatabaseURL, DataDir: c.DataDir, Strategies: bundle()})
	if err != nil {
		return fail(err)
	}
	defer app.Stop()
	app.Host().Catalog(ctx) // the strategy's process runs before the race begins
	fmt.Fprintln(os.Stdout, "ready")
	if _, err := bufio.NewReader(os.Stdin).ReadString('\n'); err != nil {
		return fail(err)
	}
	var wg sync.WaitGroup
	codes := make(chan string, c.Count)
	create := func(i int) error {
		_, _, err := app.Bots().Create(ctx, c.Principal, bot.CreateInput{Name: fmt.Sprintf("bot %d", i), Pair: "XBTMYR", Strategy: "basic"})
		return err
	}
	if c.Backtests {
		create = func(int) error {
			_, err := app.Backtests().Create(ctx, c.Principal, research.CreateInput{Pair: "XBTMYR", Strategy: "basic"})
			return err
		}
	}
	for i := range c.Count {
		wg.Go(func() {
			err := create(i)
			switch {
			case err == nil:
				codes <- ""
			case errs.CodeOf(err) != "":
				codes <- errs.CodeOf(err)
			default:
				codes <- err.Error()
			}
		})
	}
	wg.Wait()
	close(codes)
	counts := map[string]int{}
	for code := range codes {
		counts[code]++
	}
	if err := json.NewEncoder(os.Stdout).Encode(counts); err != nil {
		return fail(err)
	}
	return 0
}
