package main

import (
	"errors"
	"fmt"

	"github.com/alecthomas/kong"
)

// onlyOnce names the flags that are given more than once though they take one value:
// of two values the first would be dropped in silence.
func onlyOnce(command *kong.Context) error {
	var problems []error
	given := map[*kong.Flag]int{}
	for _, p := range command.Path {
		if p.Flag == nil || p.Flag.IsCumulative() {
			continue
		}
		if given[p.Flag]++; given[p.Flag] == 2 {
			problems = append(problems, fmt.Errorf("--%s is given more than once, and takes one value", p.Flag.Name))
		}
	}
	return errors.Join(problems...)
}
