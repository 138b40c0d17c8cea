package main_test

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/lunobot/lunobot/exchange/lunosim"
)

// simProcess is `lunobot sim` in a process of its own.
type simProcess struct {
	*exec.Cmd
	t    *testing.T
	rest string
	key  lunosim.Key
}

func startSim(t *testing.T, args ...string) *simProcess {
	t.Helper()
	s := &simProcess{Cmd: exec.CommandContext(t.Context(), binary, append([]string{"sim", "--rate-limit", "0"}, args...)...), t: t}
	out, err := s.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.kill)
	var ready struct {
		Rest string
		Keys []lunosim.Key
	}
	line, err := bufio.NewReader(out).ReadString('\n')
	if err != nil || json.Unmarshal([]byte(line), &ready) != nil || len(ready.Keys) < 3 {
		t.Fatalf("it said %q, %v", line, err)
	}
	s.rest, s.key = ready.Rest, ready.Keys[0]
	return s
}

// kill ends it with kill -9, wherever it is.
func (s *simProcess) kill() {
	_ = s.Process.Kill()
	_ = s.Wait() // it was killed
}

// call makes a call and returns its answer.
func (s *simProcess) call(method, path, params string) string {
	s.t.Helper()
	r, err := http.NewRequestWithContext(s.t.Context(), method, s.rest+path+"?"+params, nil)
	if err != nil {
		s.t.Fatal(err)
	}
	r.SetBasicAuth(s.key.ID, s.key.Secret)
	response, err := http.DefaultClient.Do(r)
	if err != nil {
		s.t.Fatal(err)
	}
	defer response.Body.Close() //nolint:errcheck // it was only read
	body, err := io.ReadAll(response.Body)
	if err != nil || response.StatusCode != http.StatusOK {
		s.t.Fatalf("%s %s: %d %s %v", path, params, response.StatusCode, body, err)
	}
	return string(body)
}

// proves T3 for the simulator: kill -9 at any moment takes no order, cancel or trade away
// that was answered, among random traders, and the program goes on as if nothing had been.
func TestSimKeepsItsState(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "sim.json")
	args := []string{"--state", file, "--pause", "1ms", "--markets", "XBTMYR"}
	var ids []string
	for round := range 2 {
		s := startSim(t, args...)
		for i, id := range ids {
			var o struct {
				Status   string
				ClientID string `json:"client_order_id"`
			}
			raw := s.call(http.MethodGet, "/api/exchange/3/order", "id="+id)
			if err := json.Unmarshal([]byte(raw), &o); err != nil || o.ClientID != fmt.Sprint("order-", i) || (o.Status == "COMPLETE") != (i%3 > 0) {
				t.Fatalf("start %d: order %d is %s, %v", round+1, i, raw, err)
			}
		}
		for range 30 {
			n := len(ids)
			params := url.Values{"pair": {"XBTMYR"}, "type": {"BID"}, "price": {"100000"}, "volume": {"0.0001"}, "client_order_id": {fmt.Sprint("order-", n)}}
			if n%3 == 2 { // takes what there is, and leaves nothing
				params.Set("price", "900000")
				params.Set("time_in_force", "IOC")
			}
			var placed struct {
				ID string `json:"order_id"`
			}
			raw := s.call(http.MethodPost, "/api/1/postorder", params.Encode())
			if err := json.Unmarshal([]byte(raw), &placed); err != nil || placed.ID == "" {
				t.Fatalf("%s, %v", raw, err)
			}
			ids = append(ids, placed.ID)
			if n%3 == 1 {
				s.call(http.MethodPost, "/api/1/stoporder", "order_id="+placed.ID)
			}
		}
		// What others trade with a resting order changes nothing here: they never come so
		// low. So the account's books are the same from the last call on.
		before := s.books()
		s.kill()
		next := startSim(t, args...)
		if after := next.books(); after != before {
			t.Fatalf("start %d: after kill -9 it tells\n%s\nand did tell\n%s", round+1, after, before)
		}
		if round == 0 {
			if got := command(t, t.TempDir(), "sim", "--state", file); got.code != 2 || !strings.Contains(got.problems, "another simulator") {
				t.Errorf("a second one on the file: %d %s", got.code, got.problems)
			}
		}
		if round == 1 { // nor does an orderly end
			if err := next.Process.Signal(syscall.SIGTERM); err != nil {
				t.Fatal(err)
			}
			if err := next.Wait(); err != nil {
				t.Errorf("asked to end it ended with %v", err)
			}
			last := startSim(t, args...)
			if after := last.books(); after != before {
				t.Errorf("after an orderly end it tells\n%s\nand did tell\n%s", after, before)
			}
			last.kill()
			continue
		}
		next.kill()
	}
	if got := command(t, t.TempDir(), "sim", "--state", file, "--markets", "XBTMYR", "--seed", "2"); got.code != 2 || !strings.Contains(got.problems, "the seed 1") {
		t.Errorf("with another seed: %d %s", got.code, got.problems)
	}
}

// books are what the account has, did and was told.
func (s *simProcess) books() string {
	return strings.Join([]string{
		s.call(http.MethodGet, "/api/1/balance", ""), s.call(http.MethodGet, "/api/1/listtrades", "pair=XBTMYR&limit=1000"),
		s.call(http.MethodGet, "/api/exchange/2/listorders", "limit=1000"), s.call(http.MethodGet, "/api/exchange/2/listorders", "closed=true&limit=1000"),
	}, "\n")
}
