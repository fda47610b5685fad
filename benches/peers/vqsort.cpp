// Google's vqsort, from the installed Highway, as sorting.py asks for it.
//
//     g++ -O3 -std=c++17 vqsort.cpp -lhwy_contrib -lhwy -o vqsort
//
// Reads lines of a type, the keys of an array and a budget in seconds: `u32 65536 0.5`. Answers each with the median
// nanoseconds per key of a round, as `gears bench sort` measures it: in every round new keys, in as many arrays as it
// takes to have 2^16 of them; a copy, which isn't timed, leaves them where they are sorted. Answers `wrong` if the keys
// don't come out in order.

#include <hwy/contrib/sort/vqsort.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstdint>
#include <cstring>
#include <iostream>
#include <string>
#include <type_traits>
#include <vector>

using Clock = std::chrono::steady_clock;

static double seconds(Clock::time_point since) {
    return std::chrono::duration<double>(Clock::now() - since).count();
}

// splitmix64 (Steele, Lea, Flood 2014).
static uint64_t random_bits() {
    static uint64_t state = 0;
    uint64_t z = state += 0x9e3779b97f4a7c15;
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9;
    z = (z ^ (z >> 27)) * 0x94d049bb133111eb;
    return z ^ (z >> 31);
}

// Any bits; of floats those of a finite number. (Highway 1.0.3 makes the greatest finite number of infinities.)
template <class T>
static T any_key() {
    T key;
    do {
        const uint64_t bits = random_bits();
        std::memcpy(&key, &bits, sizeof key);
    } while (std::is_floating_point_v<T> && !std::isfinite(static_cast<double>(key)));
    return key;
}

template <class T>
static bool sorts(hwy::Sorter& sorter, size_t n) {
    std::vector<T> keys(n);
    std::generate(keys.begin(), keys.end(), any_key<T>);
    std::vector<T> expected = keys;
    std::sort(expected.begin(), expected.end());
    sorter(keys.data(), n, hwy::SortAscending());
    return keys == expected;
}

template <class T>
static void measure(size_t n, double budget) {
    const size_t least = size_t{1} << 16, arrays = (least + n - 1) / n, warm_up = 2, rounds = 7, most = 1000;
    hwy::Sorter sorter;
    if (!sorts<T>(sorter, n)) {
        std::cout << "wrong" << std::endl;
        return;
    }
    std::vector<T> drawn(arrays * n), keys(arrays * n);
    std::vector<double> times;
    Clock::time_point began;
    for (size_t round = 0;; round++) {
        if (round == warm_up) began = Clock::now();
        const size_t counted = round < warm_up ? 0 : round - warm_up;
        if (counted >= rounds && (counted >= most || seconds(began) >= budget)) break;
        std::generate(drawn.begin(), drawn.end(), any_key<T>);
        std::copy(drawn.begin(), drawn.end(), keys.begin());
        const auto start = Clock::now();
        for (size_t array = 0; array < arrays; array++) sorter(&keys[array * n], n, hwy::SortAscending());
        const double time = seconds(start);
        if (round >= warm_up) times.push_back(time);
    }
    std::nth_element(times.begin(), times.begin() + times.size() / 2, times.end());
    std::cout << 1e9 * times[times.size() / 2] / (arrays * n) << std::endl;
}

int main() {
    std::string type;
    size_t n;
    double budget;
    while (std::cin >> type >> n >> budget) {
        if (type == "u32") measure<uint32_t>(n, budget);
        else if (type == "i32") measure<int32_t>(n, budget);
        else if (type == "f32") measure<float>(n, budget);
        else if (type == "u64") measure<uint64_t>(n, budget);
        else if (type == "i64") measure<int64_t>(n, budget);
        else if (type == "f64") measure<double>(n, budget);
        else std::cout << "unknown" << std::endl;
    }
}
