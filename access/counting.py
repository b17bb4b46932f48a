"""What is counted in the cache: calls and tries. Without the cache nobody is kept from ending
access; what is only counted to keep guessing hopeless must not catch these."""

from redis.exceptions import RedisError

CACHE_AWAY = (RedisError, OSError)
