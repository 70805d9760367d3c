package peers;

import java.time.OffsetDateTime;

/** Event times. java.time takes ten times as long for the same text, so the usual forms are read here. */
final class Rfc3339 {
    private Rfc3339() {}

    static long parseMs(char[] text, int start, int length) {
        if (length < 20 || text[start + 4] != '-' || text[start + 7] != '-' || text[start + 13] != ':'
                || text[start + 16] != ':') {
            return slow(text, start, length);
        }
        int end = start + length;
        int year = digits(text, start, 4);
        int month = digits(text, start + 5, 2);
        int day = digits(text, start + 8, 2);
        int hour = digits(text, start + 11, 2);
        int minute = digits(text, start + 14, 2);
        int second = digits(text, start + 17, 2);
        int at = start + 19;
        int millis = 0;
        if (text[at] == '.') {
            int unit = 100;
            for (at++; at < end && text[at] >= '0' && text[at] <= '9'; at++) {
                millis += (text[at] - '0') * unit;
                unit /= 10;
            }
        }
        int offsetMinutes = 0;
        if (at + 6 == end && (text[at] == '+' || text[at] == '-')) {
            offsetMinutes = digits(text, at + 1, 2) * 60 + digits(text, at + 4, 2);
            if (text[at] == '-') {
                offsetMinutes = -offsetMinutes;
            }
        } else if (at + 1 != end || text[at] != 'Z') {
            return slow(text, start, length);
        }
        if (month < 1 || month > 12 || day < 1 || day > 31 || hour < 0 || hour > 23 || minute < 0 || minute > 59
                || second < 0 || second > 59) {
            return slow(text, start, length);
        }
        long minutes = (epochDay(year, month, day) * 24 + hour) * 60 + minute - offsetMinutes;
        return (minutes * 60 + second) * 1000 + millis;
    }

    /** Days since 1970-01-01 in a calendar whose years begin in March, so that the leap day is a year's last. */
    private static long epochDay(int year, int month, int day) {
        long shifted = month <= 2 ? year - 1 : year;
        long era = Math.floorDiv(shifted, 400);
        long yearOfEra = shifted - era * 400;
        long dayOfYear = (153L * (month + (month > 2 ? -3 : 9)) + 2) / 5 + day - 1;
        return era * 146097 + yearOfEra * 365 + yearOfEra / 4 - yearOfEra / 100 + dayOfYear - 719468;
    }

    private static int digits(char[] text, int start, int count) {
        int value = 0;
        for (int i = start; i < start + count; i++) {
            int digit = text[i] - '0';
            if (digit < 0 || digit > 9) {
                return Integer.MIN_VALUE / 2;
            }
            value = value * 10 + digit;
        }
        return value;
    }

    private static long slow(char[] text, int start, int length) {
        return OffsetDateTime.parse(new String(text, start, length)).toInstant().toEpochMilli();
    }
}
