0.000 candidates node1
      node1 starts, boot 1
      node2 starts, boot 1
      node3 starts, boot 1
      committed to 1
      node1 campaigns in term 2
      node1 leads in term 2
      committed to 5
2.000 client0 at node2
2.100 client0 write r0 before
      committed to 6
      client0 writes r0: done
3.000 clog node1->node3 for 300ms
3.000 client0 write r0 A
      committed to 7
      client0 writes r0: done
3.010 candidates all
3.010 drain node1 for 2s
      node2 campaigns in term 3
      node1 leads no more
      node2 leads in term 3
      committed to 8
3.020 client0 write r0 B
      committed to 9
      client0 writes r0: done
      node1 is down
      node1 starts, boot 2
      committed to 10
       the faults stop for node1 node2 node3
       committed to 12
       held
