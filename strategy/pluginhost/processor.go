package pluginhost

import (
	"errors"
	"fmt"
	"runtime"
	"sync"
	"time"
)

// Processor bounds the processor time of a process. While it is called it may use Cores,
// for as long as its call may take; between its calls it has next to nothing to
// do. What is above that collects, runs off at the rate of Share, and ends the process
// once there is more of it than Burst. The priority is lower than the host's
// all the time.
type Processor struct {
	// Burst is how much time above its due a process may have used. Defaults to 10 s.
	Burst time.Duration
	// Cores is how many cores a process is told that it has, and how many its calls
	// justify. Defaults to half of the machine's, but at least 2.
	Cores int
	// Interval is the pause between two looks at the time. Defaults to 1 s.
	Interval time.Duration
	// Nice is by how many steps the priority of a process is lower than the host's, from
	// 1 to 19. Defaults to 5.
	Nice int
	// Share is the part of one core that a process may use for ever while it is not
	// called. Defaults to DefaultShare.
	Share float64
}

// DefaultShare is the part of one core that a process may use between its calls, and
// MaxShare the most that can be asked for.
const (
	DefaultShare = 0.25
	MaxShare     = 1024
)

func (p Processor) withDefaults() Processor {
	if p.Burst == 0 {
		p.Burst = 10 * time.Second
	}
	if p.Cores == 0 {
		p.Cores = max(2, runtime.GOMAXPROCS(0)/2)
	}
	if p.Interval == 0 {
		p.Interval = time.Second
	}
	if p.Nice == 0 {
		p.Nice = 5
	}
	if p.Share == 0 {
		p.Share = DefaultShare
	}
	return p
}

func (p Processor) validate() error {
	var problems []error
	if p.Burst < 0 || p.Interval < 0 || p.Cores < 0 {
		problems = append(problems, errors.New("Processor.Burst, Interval and Cores must not be below 0"))
	}
	if p.Nice < 1 || p.Nice > 19 {
		problems = append(problems, fmt.Errorf("Processor.Nice is %d and must be from 1 to 19", p.Nice))
	}
	if !(p.Share > 0 && p.Share <= MaxShare) {
		problems = append(problems, fmt.Errorf("Processor.Share is %v and must be above 0 and at most %d", p.Share, MaxShare))
	}
	return errors.Join(problems...)
}

// calls counts the calls of a process that are under way, and for how long there were
// any. It is safe for concurrent use.
type calls struct {
	mu sync.Mutex
	n  int
	// since is when the first of those under way began, last when the newest ended.
	since, last time.Time
	total       time.Duration
}

// begin notes that a call begins.
func (c *calls) begin(now time.Time) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.n++; c.n == 1 {
		c.since = now
	}
}

// end notes that one has ended.
func (c *calls) end(now time.Time) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.last = now
	if c.n--; c.n == 0 {
		c.total += now.Sub(c.since)
	}
}

// idle returns for how long there has been no call.
func (c *calls) idle(now time.Time) time.Duration {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.n > 0 {
		return 0
	}
	return now.Sub(c.last)
}

// busy returns for how long calls were under way until now.
func (c *calls) busy(now time.Time) time.Duration {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.n == 0 {
		return c.total
	}
	return c.total + now.Sub(c.since)
}

// reading is what is known of a process at a moment: the processor time that it has used
// and the time in which calls were under way.
type reading struct {
	at         time.Time
	used, busy time.Duration
}

// meter judges what a process uses, reading by reading.
type meter struct {
	bounds Processor
	// cores is how many the machine has: nobody uses more at once.
	cores int
	last  reading
	// above is what was used above what is due; passed, busy and used are what there was
	// since it began to collect.
	above, passed, busy, used time.Duration
}

// newMeter returns a meter that begins with a reading.
func newMeter(bounds Processor, cores int, first reading) *meter {
	return &meter{bounds: bounds, cores: cores, last: first}
}

// judge takes the next reading and returns an error if the process has used too much.
func (m *meter) judge(r reading) error {
	passed := max(0, r.at.Sub(m.last.at))
	busy := min(max(0, r.busy-m.last.busy), passed)
	used := min(max(0, r.used-m.last.used), passed*time.Duration(m.cores)) // else it is another process's
	m.last = r
	due := busy*time.Duration(m.bounds.Cores) + time.Duration(float64(passed)*m.bounds.Share)
	if m.above += used - due; m.above <= 0 {
		m.above, m.passed, m.busy, m.used = 0, 0, 0, 0
		return nil
	}
	m.passed, m.busy, m.used = m.passed+passed, m.busy+busy, m.used+used
	if m.above <= m.bounds.Burst {
		return nil
	}
	return fmt.Errorf("it used %s of processor time in %s, in which it was called for %s: %s", short(m.used), short(m.passed), short(m.busy), m.exceeded())
}

// exceeded says which bound the process does not keep, or both where the time that it used
// can be of its calls as well as of the pauses between them.
func (m *meter) exceeded() string {
	during := fmt.Sprintf("while it is called a strategy may use %d of the machine's cores", m.bounds.Cores)
	between := fmt.Sprintf("between its calls a strategy may use %s of a core", percent(m.bounds.Share))
	machine := time.Duration(m.cores)
	switch {
	case m.used > m.busy*machine+time.Duration(float64(m.passed)*m.bounds.Share): // more than its calls can have used
		return between
	case m.used > m.busy*time.Duration(m.bounds.Cores)+(m.passed-m.busy)*machine: // more than the pauses can have
		return during
	default:
		return during + ", and " + between
	}
}

// short rounds a time as one reads it.
func short(d time.Duration) time.Duration {
	if d < time.Second {
		return d.Round(time.Millisecond)
	}
	return d.Round(100 * time.Millisecond)
}

// percent writes a share of one.
func percent(share float64) string { return fmt.Sprintf("%g %%", share*100) }

// meter ends the process when it uses more processor time than its calls justify. It
// returns when the process ends, or where the system does not tell.
func (p *Process) meter() {
	pid := p.c.child.pid()
	read := func() (reading, error) {
		used, err := processorTime(pid)
		now := p.cfg.Now()
		return reading{at: now, used: used, busy: p.calls.busy(now)}, err
	}
	first, err := read()
	if pid == 0 || err != nil { // it is attached or has ended, or the host has warned of it
		return
	}
	m := newMeter(p.cfg.Processor, runtime.NumCPU(), first)
	ticker := time.NewTicker(p.cfg.Processor.Interval)
	defer ticker.Stop()
	for {
		select {
		case <-p.ending:
			return
		case <-ticker.C:
		}
		r, err := read()
		if err != nil {
			return // it has ended
		}
		if err := m.judge(r); err != nil {
			p.end(&Error{Plugin: p.name, Kind: Overuse, Err: err})
			return
		}
	}
}
