// Lets what is built here run on hosts with an older glibc than the one it was built with: libstdc++'s
// std::random_device, which is linked in and never asked, wants arc4random, of glibc 2.36. Hidden, so that
// nobody else finds this one.
extern "C" unsigned arc4random() noexcept { __builtin_trap(); }
