// SPDX-License-Identifier: Apache-2.0
package abuse.filter;

import java.util.List;

/**
 * A key of a filter, as in NAME:KEY=VALUE.
 *
 * @param words what its value may be, if it is a word; else empty
 * @param fallback what holds without it, in words; null if that needs no words
 * @param help what it does, beginning with a small letter and without a full stop
 */
public record Key(String name, Kind kind, List<String> words, String fallback, String help) {
    /** What its value is. Settings have the Java type. */
    public enum Kind {
        /** Bytes, with a unit; a Long. */
        SIZE("SIZE"),
        /** A Long from 1. */
        COUNT("N"),
        /** Any Long from 0. */
        NUMBER("N"),
        /** Seconds, or a number with s or ms; a Long of nanoseconds. */
        TIME("TIME"),
        /** A number of requests, or a time with its unit; a {@link Moment}. */
        MOMENT("N|TIME"),
        /** A part of all, as 0.01 or 1%; a Double. */
        SHARE("SHARE"),
        /** On or off; a Boolean. */
        SWITCH("[=on|off]"),
        /** One of {@link Key#words}; a String. */
        WORD(""),
        /** Some of {@link Key#words}, with + between them; a Set of String. */
        WORDS(""),
        /** From one byte to another; a {@link Span}. */
        SPAN("START-END"),
        /** The path of a file; a String. */
        FILE("PATH");

        private final String value;

        Kind(String value) {
            this.value = value;
        }
    }

    /** A key whose value is not a word. */
    public Key(String name, Kind kind, String fallback, String help) {
        this(name, kind, List.of(), fallback, help);
    }

    /** A key whose value is a word, the first of which holds without the key. */
    public static Key word(String name, List<String> words, String help) {
        return new Key(name, Kind.WORD, words, words.get(0), help);
    }

    /** How it is written: nth=N, heal[=on|off], errno=EIO|ENOSPC. */
    public String form() {
        return switch (kind) {
            case SWITCH -> name + kind.value;
            case WORD -> name + "=" + String.join("|", words);
            case WORDS -> name + "=" + words.get(0) + "+...";
            default -> name + "=" + kind.value;
        };
    }
}
