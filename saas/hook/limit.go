package hook

import "time"

// A hook takes so many messages at once and so many a minute (rule R1): enough
// for alerts, and few enough that a bot can follow.
const (
	burst     = 20
	perMinute = 30
)

// admit is the generic cell rate algorithm: due is until when what was taken so
// far is paid for. It returns the due of after, or how long to wait. What is
// refused is not counted (rule R4).
func admit(due int64, now time.Time) (after int64, wait time.Duration) {
	const each = int64(time.Minute/time.Microsecond) / perMinute
	present := now.UnixMicro()
	after = max(due, present) + each
	if over := after - present - burst*each; over > 0 {
		return due, time.Duration(over) * time.Microsecond
	}
	return after, 0
}
