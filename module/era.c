// SPDX-License-Identifier: GPL-2.0
/*
 * What is taken away from a map is freed once no bio that was under way then can
 * use it any more. It must not know how a map is changed or read.
 */
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/printk.h>
#include <linux/slab.h>

#include "era.h"

static struct workqueue_struct *abuse_map_wq;	/* what waits for no device */
static struct kmem_cache *abuse_mapping_cache;

/**
 * abuse_mapping_alloc() - make a mapping
 *
 * Return: zeros, or NULL.
 */
struct abuse_mapping *abuse_mapping_alloc(void)
{
	return kmem_cache_zalloc(abuse_mapping_cache, GFP_KERNEL_ACCOUNT);
}

/**
 * abuse_mapping_free() - free a mapping
 * @m: the mapping, which nobody has seen, or nobody uses any more
 */
void abuse_mapping_free(struct abuse_mapping *m)
{
	kmem_cache_free(abuse_mapping_cache, m);
}

/**
 * abuse_era_put() - forget an era
 * @era: from abuse_map_commit()
 */
void abuse_era_put(struct abuse_era *era)
{
	if (refcount_dec_and_test(&era->users))
		kfree(era);
}

/*
 * Nobody reads the tree any more, so its nodes are freed at once. Under RCU kernels
 * to this day take the number of children in an inner node that has 15 of them for
 * a sixteenth child, in mt_free_walk().
 */
static void abuse_map_free(struct abuse_map *map)
{
	mt_clear_in_rcu(&map->tree);
	mtree_destroy(&map->tree);
	map->freed(map);
}

/* This may be the end of the map. */
static void abuse_era_end(struct abuse_era *era)
{
	if (refcount_dec_and_test(&era->map->eras))
		abuse_map_free(era->map);
	complete_all(&era->over);
	abuse_era_put(era);
}

static void abuse_era_retired(struct abuse_era *era)
{
	if (atomic_dec_and_test(&era->retiring))
		abuse_era_end(era);
}

/* No flush of the disk needs it any more, nor is one on its way to it. */
static void abuse_target_leave_flushes(struct abuse_map *map,
				       struct abuse_target *target)
{
	spin_lock(&map->targets_lock);
	target->flushed = true;
	spin_unlock(&map->targets_lock);
	while (!wait_event_timeout(map->flushed, !atomic_read(&target->flushes),
				   COMPAT_NOT_HUNG))
		;
}

/* From then on it may be opened again. */
static void abuse_target_forget(struct abuse_map *map,
				struct abuse_target *target)
{
	mutex_lock(&map->lock);
	spin_lock(&map->targets_lock);
	list_del(&target->link);
	spin_unlock(&map->targets_lock);
	mutex_unlock(&map->lock);
	wake_up_all(&map->flushed);
}

/*
 * What was written to the device has ended. A flush of the disk finds it until it
 * has been flushed here, or finds that this failed. No other device waits for it.
 */
static void abuse_target_retire(struct work_struct *work)
{
	struct abuse_target *target = container_of(work, struct abuse_target,
						   retire);
	struct abuse_era *era = target->era;
	struct abuse_map *map = era->map;
	int err = abuse_target_flush(target, &map->lost);

	if (err) {
		pr_err_ratelimited("abuse%u: %pg could not be flushed when it was given up: what was written to it may be lost\n",
				   map->number, target->bdev);
		WRITE_ONCE(era->error, err);
	}
	abuse_target_leave_flushes(map, target);
	abuse_target_close(target);
	abuse_target_forget(map, target);
	abuse_target_free(target);
	abuse_era_retired(era);
}

/* From then on its devices are not used again. */
static void abuse_era_retire(struct abuse_era *era)
{
	struct abuse_map *map = era->map;
	struct abuse_target *target, *t;

	spin_lock(&map->targets_lock);
	list_for_each_entry(target, &era->targets, gone)
		target->retired = true;
	spin_unlock(&map->targets_lock);
	list_for_each_entry_safe(target, t, &era->targets, gone) {
		atomic_inc(&era->retiring);
		target->era = era;
		INIT_WORK(&target->retire, abuse_target_retire);
		queue_work(map->retire, &target->retire);
	}
	abuse_era_retired(era);
}

/*
 * Nobody is in this era any more, nor in one before it: each keeps the next
 * one's reference until then, and no longer, so that a device that is never done
 * with its flush holds up no later change.
 */
static void abuse_era_work(struct work_struct *work)
{
	struct abuse_era *era = container_of(work, struct abuse_era, work);
	struct abuse_target *target, *t;
	struct abuse_mapping *m, *n;

	if (era->next)
		percpu_ref_put(&era->next->ref);
	percpu_ref_exit(&era->ref);
	list_for_each_entry_safe(m, n, &era->mappings, link) {
		abuse_mapping_free(m);
		cond_resched();
	}
	list_for_each_entry_safe(target, t, &era->memory, gone)
		abuse_target_free(target);
	abuse_era_retire(era);
}

static void abuse_era_release(struct percpu_ref *ref)
{
	struct abuse_era *era = container_of(ref, struct abuse_era, ref);

	queue_work(abuse_map_wq, &era->work);
}

/**
 * abuse_era_alloc() - make an era that has not begun
 * @map: the map
 *
 * Return: the era, or NULL.
 */
struct abuse_era *abuse_era_alloc(struct abuse_map *map)
{
	struct abuse_era *era = kzalloc(sizeof(*era), GFP_KERNEL_ACCOUNT);

	if (!era)
		return NULL;
	if (percpu_ref_init(&era->ref, abuse_era_release, 0,
			    GFP_KERNEL_ACCOUNT)) {
		kfree(era);
		return NULL;
	}
	era->map = map;
	INIT_LIST_HEAD(&era->mappings);
	INIT_LIST_HEAD(&era->memory);
	INIT_LIST_HEAD(&era->targets);
	init_completion(&era->over);
	atomic_set(&era->retiring, 1);
	refcount_set(&era->users, 1);
	INIT_WORK(&era->work, abuse_era_work);
	return era;
}

/**
 * abuse_era_cancel() - free an era that has not begun
 * @era: the era
 */
void abuse_era_cancel(struct abuse_era *era)
{
	percpu_ref_exit(&era->ref);
	kfree(era);
}

/**
 * abuse_era_wait() - wait until nothing uses what a change took away
 * @era: from abuse_map_commit()
 *
 * Return: 0; -EINTR: the caller is being killed; -EIO: a target could not be
 * flushed.
 */
int abuse_era_wait(struct abuse_era *era)
{
	int err = wait_for_completion_killable(&era->over) ? -EINTR :
		  era->error;

	abuse_era_put(era);
	return err;
}

/* Memory may wait for a server, and that for the end of its ABUSE_UNMAP. */
static struct workqueue_struct *abuse_alloc_wq(const char *name)
{
	return alloc_workqueue("%s", WQ_UNBOUND | WQ_MEM_RECLAIM, 0, name);
}

/**
 * abuse_map_prepare_retire() - a map is about to have a device
 * @map: the map, which the caller keeps from being freed
 *
 * Return: 0, -ENOMEM.
 */
int abuse_map_prepare_retire(struct abuse_map *map)
{
	struct workqueue_struct *wq;

	if (READ_ONCE(map->retire))
		return 0;
	wq = abuse_alloc_wq("abuse_retire");
	if (!wq)
		return -ENOMEM;
	if (cmpxchg(&map->retire, NULL, wq))
		destroy_workqueue(wq);
	return 0;
}

/**
 * abuse_eras_init() - prepare for maps
 *
 * Return: 0, or an error.
 */
int abuse_eras_init(void)
{
	abuse_mapping_cache = KMEM_CACHE(abuse_mapping, 0);
	if (!abuse_mapping_cache)
		return -ENOMEM;
	abuse_map_wq = abuse_alloc_wq("abuse_map");
	if (abuse_map_wq)
		return 0;
	kmem_cache_destroy(abuse_mapping_cache);
	return -ENOMEM;
}

/**
 * abuse_eras_exit() - wait until every map is freed
 *
 * No device is set up.
 */
void abuse_eras_exit(void)
{
	/* The last reference of an era is dropped in a callback of RCU. */
	rcu_barrier();
	destroy_workqueue(abuse_map_wq);
	kmem_cache_destroy(abuse_mapping_cache);
}
